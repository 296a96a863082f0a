//! `tollgate audit`: proves the books, and ends with exit code 1 where it cannot.

use serde_json::json;
use tollgate_metering::audit;

use super::Session;
use crate::output::{Answer, Column, count, or_none, table};

pub(super) async fn answer(session: &Session) -> anyhow::Result<Answer> {
    let report = audit::audit(&session.store, &session.record_keys().await?).await?;
    let mut json = json!(report);
    if let Some(object) = json.as_object_mut() {
        object.insert("ok".to_owned(), json!(report.ok()));
    }
    let counts = format!(
        "{}: {} charged, {} free, {} unrated, {} voided.",
        count(report.records, "record"),
        report.charged,
        report.free,
        report.unrated,
        report.voided
    );
    if report.ok() {
        return Answer::new(&json, format!("{counts} The books are right."));
    }
    let columns = [Column::Text("RULE"), Column::Text("USER"), Column::Text("DAY"), Column::Text("WHAT")];
    let rows = report.findings.iter().map(|finding| {
        let rule = json!(finding.rule).as_str().map(str::to_owned);
        vec![or_none(rule), or_none(finding.user), or_none(finding.day.as_ref()), finding.what.clone()]
    });
    let text = format!(
        "{}\n\n{counts} The books are wrong: {}, {} of them listed.",
        table(&columns, rows, ""),
        count(report.findings_in_all, "finding"),
        report.findings.len()
    );
    let answer = Answer::new(&json, text)?;
    Ok(answer.finding(true))
}
