use super::*;

fn events(before: &str, after: &str, low_balance: Option<&str>) -> Vec<&'static str> {
    let credits = |text: &str| text.parse().unwrap();
    let change = BalanceChange {
        user_no: 1,
        user_id: UserId::SYSTEM,
        before: credits(before),
        after: credits(after),
        low_balance: low_balance.map(credits),
    };
    change.events().map(BalanceEvent::as_str).collect()
}

#[test]
fn only_a_line_that_is_crossed_is_an_event_and_all_that_are_crossed_are() {
    for (before, after, low_balance, expected) in [
        ("10", "9", None, vec![]),
        ("10", "9", Some("5"), vec![]),
        ("5.1", "5", Some("5"), vec!["balance.low"]),
        ("5", "4", Some("5"), vec![]),
        ("5.1", "0", Some("5"), vec!["balance.low", "balance.depleted"]),
        ("1", "-1", None, vec!["balance.depleted"]),
        ("0", "-1", None, vec![]),
        ("-1", "0", Some("5"), vec![]),
        ("-1", "1", None, vec!["balance.refilled"]),
        ("-1", "1", Some("5"), vec!["balance.refilled"]),
        ("-1", "6", Some("5"), vec!["balance.refilled"]),
        ("1", "6", Some("5"), vec!["balance.refilled"]),
        ("1", "5", Some("5"), vec![]),
        ("6", "7", Some("5"), vec![]),
    ] {
        assert_eq!(
            events(before, after, low_balance),
            expected,
            "{before} → {after}, low at {low_balance:?}"
        );
    }
}
