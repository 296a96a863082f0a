//! `tollgate audit`: proves the books, and ends with exit code 1 where it cannot.

use serde_json::json;
use tollgate_metering::audit::{self, AuditReport, DayDifference, Finding, Rule};
use tollgate_store::audit_log::ChainHead;

use super::Session;
use crate::output::{Answer, Column, count, or_none, table};

pub(super) async fn answer(session: &Session, noted_head: Option<ChainHead>) -> anyhow::Result<Answer> {
    let report = audit::audit_against(&session.store, &session.record_keys().await?, noted_head).await?;
    let mut json = json!(report);
    if let Some(object) = json.as_object_mut() {
        object.insert("ok".to_owned(), json!(report.ok()));
    }
    let counts = format!(
        "{}: {} charged, {} free, {} unrated, {} voided.\n\
         Balances and states were checked in {}, every charge and every sum in {}.\n\
         The audit log has {}, and ends with {}; note that elsewhere, for --noted-head.",
        count(report.records, "record"),
        report.charged,
        report.free,
        report.unrated,
        report.voided,
        seconds(report.timings.balances_ms),
        seconds(report.timings.charges_ms),
        entries(report.audit_log_entries),
        report.audit_log_head,
    );
    if report.ok() {
        return Answer::new(&json, format!("{counts}\nThe books are right."));
    }
    let answer = Answer::new(&json, wrong(&report, &counts))?;
    Ok(answer.finding(true))
}

fn entries(number: u64) -> String {
    if number == 1 { "1 entry".to_owned() } else { format!("{number} entries") }
}

fn seconds(millis: u64) -> String {
    format!("{}.{:02} s", millis / 1000, millis % 1000 / 10)
}

/// What is wrong, from the single rows to the whole.
fn wrong(report: &AuditReport, counts: &str) -> String {
    let columns = [Column::Text("RULE"), Column::Text("USER"), Column::Text("DAY"), Column::Text("WHAT")];
    let findings = table(&columns, report.findings.iter().map(finding), "");
    let mut parts = vec![findings];
    if !report.days.is_empty() {
        let columns = [
            Column::Text("USER"),
            Column::Text("DAY"),
            Column::Number("RECORDS THAT ARE WRONG"),
            Column::Number("THEIR AMOUNTS LESS THEIR CHARGES"),
            Column::Number("ROLLUPS LESS RECORDS: REQUESTS"),
            Column::Number("CREDITS"),
        ];
        parts.push(table(&columns, report.days.iter().map(day), ""));
    }
    parts.push(format!(
        "{counts}\nThe books are wrong: {}, {} of them listed.",
        count(report.findings_in_all, "finding"),
        report.findings.len()
    ));
    parts.join("\n\n")
}

fn finding(finding: &Finding) -> Vec<String> {
    vec![
        rule(finding.rule),
        or_none(finding.user_name.clone().or_else(|| finding.user.map(|user| user.to_string()))),
        or_none(finding.day.as_ref()),
        finding.what.clone(),
    ]
}

fn rule(rule: Rule) -> String {
    or_none(json!(rule).as_str())
}

fn day(day: &DayDifference) -> Vec<String> {
    vec![
        or_none(day.user_name.clone().or_else(|| day.user.map(|user| user.to_string()))),
        day.day.clone(),
        day.records.to_string(),
        day.amounts_off.clone(),
        day.rollup_requests_off.to_string(),
        day.rollup_amount_off.clone(),
    ]
}
