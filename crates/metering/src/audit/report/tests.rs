use tollgate_domain::CorrelationId;
use tollgate_store::utc::UtcMicros;

use super::*;

fn key(correlation_id: i64) -> RecordKey {
    let at: jiff::Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    RecordKey {
        day: UtcMicros::try_from(at).unwrap().day(),
        instance_no: 1,
        correlation_id: CorrelationId::new(correlation_id),
    }
}

fn finding(rule: Rule, what: String) -> Finding {
    Finding::new(rule, None, None, what)
}

#[test]
fn many_findings_of_one_rule_hide_no_finding_of_another_and_are_all_counted() {
    let (mut here, mut there) = (Findings::default(), Findings::default());
    for number in 0..3 * MAX_LISTED {
        here.add(finding(Rule::AmountIsCharge, format!("{number}")));
        there.add(finding(Rule::AmountIsCharge, format!("there {number}")));
    }
    there.add(finding(Rule::RowsAgree, "alone".to_owned()));
    here.merge(there);
    let (listed, count) = here.finish();
    assert_eq!(count, u64::try_from(6 * MAX_LISTED).unwrap() + 1);
    assert_eq!(listed.len(), MAX_LISTED + 1);
    assert_eq!(listed.last().unwrap().what, "alone");
}

#[test]
fn a_day_counts_a_record_once_and_adds_up_what_it_is_off() {
    let user = Some(UserId::generate());
    let (mut here, mut there) = (Days::default(), Days::default());
    // Two findings about one record.
    here.record(user, key(1), 0);
    here.record(user, key(1), -5);
    there.record(user, key(2), 3);
    there.rollup(user, "2026-11-24", -1, 2);
    there.rollup(None, "2026-11-25", 1, 0);
    here.merge(there);
    assert_eq!(here.of(user), ["2026-11-24"]);
    let days = here.finish();
    assert_eq!(days.len(), 2);
    assert_eq!((days[0].user, days[0].records, days[0].rollup_requests_off), (user, 2, -1));
    assert_eq!((&*days[0].amounts_off, &*days[0].rollup_amount_off), ("-0.000000000002", "0.000000000002"));
    assert_eq!((&*days[1].day, days[1].records), ("2026-11-25", 0));
}

#[test]
fn users_and_days_past_the_cap_are_left_out_and_those_before_go_on_counting() {
    let mut days = Days::default();
    for number in 0..MAX_DAYS + 5 {
        days.rollup(None, &number.to_string(), 1, 0);
    }
    days.rollup(None, "0", 1, 0);
    let days = days.finish();
    assert_eq!(days.len(), MAX_DAYS);
    assert_eq!(days.iter().find(|day| day.day == "0").unwrap().rollup_requests_off, 2);
}

#[test]
fn an_amount_past_every_range_is_still_told() {
    assert_eq!(credits(-1), "-0.000000000001");
    assert_eq!(credits(i128::MAX), format!("{}e-12", i128::MAX));
}
