//! `tollgate balance`, `ledger` and `usage`: what people ask of the books.

use tollgate_domain::Clock;
use tollgate_store::{
    Tx,
    reports::{self, BalanceReport, GroupBy, LedgerEntry, MAX_PAGE, UsageQuery, UsageRow},
};

use super::Session;
use crate::{
    cli::{GroupByArg, LedgerArgs, UsageArgs, parse_optional_instant},
    output::{Answer, Column, NONE, or_none, table},
};

pub(super) async fn balance(session: &Session, user: Option<&str>) -> anyhow::Result<Answer> {
    let Some(user) = user else {
        let all = session.store.tx("balances", async |tx| reports::all_balances(&tx).await).await?;
        return Answer::new(&all, balances(&all));
    };
    let report = session.store.tx("balance", async |tx| reports::balance(&tx, user).await).await?;
    let low = report.low_balance.map(|low| format!("\nWebhooks are told when the balance falls to {low}."));
    let text = format!("{}{}", balances(std::slice::from_ref(&report)), low.unwrap_or_default());
    Answer::new(&report, text)
}

fn balances(reports: &[BalanceReport]) -> String {
    let columns = [
        Column::Text("USER"),
        Column::Number("BALANCE"),
        Column::Number("HELD"),
        Column::Number("LEASED"),
        Column::Number("AVAILABLE"),
    ];
    let rows = reports.iter().map(|report| {
        let BalanceReport { user, balance, held, leased, available, .. } = report;
        vec![user.clone(), balance.to_string(), held.to_string(), leased.to_string(), available.to_string()]
    });
    table(&columns, rows, "There are no users.")
}

pub(super) async fn ledger(session: &Session, args: LedgerArgs) -> anyhow::Result<Answer> {
    let read = async |tx: Tx| {
        let mut entries: Vec<LedgerEntry> = Vec::new();
        let mut next = None;
        loop {
            let left = i64::from(args.limit) - i64::try_from(entries.len()).unwrap_or(i64::MAX);
            let page = reports::ledger(&tx, &args.user, left.min(MAX_PAGE), next.as_ref()).await?;
            entries.extend(page.entries);
            next = page.next;
            if next.is_none() || left <= MAX_PAGE {
                return Ok(entries);
            }
        }
    };
    let entries = session.store.tx_unbounded("ledger", read).await?;
    let columns = [
        Column::Text("TIME"),
        Column::Text("TYPE"),
        Column::Number("AMOUNT"),
        Column::Text("DESCRIPTION"),
        Column::Text("SOURCE"),
    ];
    let rows = entries.iter().map(|entry| {
        let description = if entry.description.is_empty() { NONE } else { &entry.description };
        vec![
            format!("{:.0}", entry.created_at),
            entry.transaction_type.clone(),
            entry.amount.to_string(),
            description.to_owned(),
            entry.source_id.clone(),
        ]
    });
    Answer::new(&entries, table(&columns, rows, "The ledger is empty."))
}

pub(super) async fn usage(session: &Session, args: UsageArgs) -> anyhow::Result<Answer> {
    let query = UsageQuery {
        user: args.user,
        since: parse_optional_instant(args.since.as_deref(), session.clock.now())?,
        until: None,
        group_by: match args.group_by {
            GroupByArg::Model => GroupBy::Model,
            GroupByArg::Key => GroupBy::Key,
            GroupByArg::User => GroupBy::User,
            GroupByArg::Hour => GroupBy::Hour,
        },
    };
    let usage = session.store.tx("usage", async |tx| reports::usage(&tx, &query).await).await?;
    let group = match args.group_by {
        GroupByArg::Model => "MODEL",
        GroupByArg::Key => "KEY",
        GroupByArg::User => "USER",
        GroupByArg::Hour => "HOUR",
    };
    Answer::new(&usage, usage_table(group, &usage))
}

fn usage_table(group: &'static str, usage: &[UsageRow]) -> String {
    let columns = [
        Column::Text(group),
        Column::Number("REQUESTS"),
        Column::Number("FAILED"),
        Column::Number("UNRATED"),
        Column::Number("INPUT"),
        Column::Number("CACHED"),
        Column::Number("OUTPUT"),
        Column::Number("CHARGED"),
    ];
    let rows = usage.iter().map(|row| {
        vec![
            or_none(row.group.as_ref()),
            row.requests.to_string(),
            row.failed_requests.to_string(),
            row.unrated_requests.to_string(),
            row.prompt_tokens.to_string(),
            row.cache_read_tokens.to_string(),
            row.completion_tokens.to_string(),
            row.amount.to_string(),
        ]
    });
    table(&columns, rows, "No usage in this time.")
}
