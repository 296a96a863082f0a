use super::*;

const OK: StatusCode = StatusCode::OK;
const PAY: StatusCode = StatusCode::PAYMENT_REQUIRED;

/// Two gateways; of each answer: gateway, sent, answered, status.
fn settled(answers: &[(usize, u64, u64, StatusCode)], now: u64) -> Option<u64> {
    let began = Instant::now();
    let at = |ms: u64| began + Duration::from_millis(ms);
    let seen: Vec<Seen> = answers
        .iter()
        .map(|&(gateway, sent, answered, status)| Seen {
            gateway,
            sent: at(sent),
            answered: at(answered),
            status,
        })
        .collect();
    let settled = settled_at(&seen, 2, PAY, at(now))?;
    u64::try_from(settled.duration_since(began).as_millis()).ok()
}

#[test]
fn the_last_gateway_counts_from_the_first_answer_after_which_none_was_otherwise() {
    let answers = [
        (0, 0, 5, PAY),
        (1, 0, 5, OK),
        (1, 10, 14, PAY),
        (1, 20, 25, OK),
        (1, 30, 37, PAY),
        (1, 40, 44, PAY),
    ];
    assert_eq!(settled(&answers, 1_000), Some(37));
}

#[test]
fn a_later_answer_to_an_earlier_request_does_not_take_it_back() {
    let answers = [(0, 0, 5, PAY), (1, 0, 90, OK), (1, 10, 14, PAY)];
    assert_eq!(settled(&answers, 1_000), Some(14));
}

#[test]
fn nothing_is_settled_before_all_have_answered_so_for_a_while() {
    assert_eq!(settled(&[], 1_000), None);
    assert_eq!(settled(&[(0, 0, 5, PAY)], 1_000), None, "nothing is known of the other");
    assert_eq!(settled(&[(0, 0, 5, PAY), (1, 0, 5, OK)], 1_000), None);
    let both = [(0, 0, 5, PAY), (1, 400, 405, PAY)];
    assert_eq!(settled(&both, 600), None, "the other has only just begun");
    assert_eq!(settled(&both, 705), Some(405));
}
