//! Tollgate's books, read as an operator would: from the view of requests, and from the balances.

use std::collections::HashMap;

use anyhow::Context;
use tokio_postgres::Client;
use tollgate_testkit::upstream::Counts;

/// One row of `http_analytics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) trace: String,
    pub(crate) user: Option<String>,
    pub(crate) model: Option<String>,
    pub(crate) state: String,
    pub(crate) usage_source: String,
    pub(crate) outcome: String,
    /// What the row states; `None` where it states no prompt.
    pub(crate) counts: Option<Counts>,
    /// A decimal.
    pub(crate) cost: String,
}

/// Sums over all that there is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Totals {
    pub(crate) rows: i64,
    pub(crate) traces: i64,
    pub(crate) quarantined: i64,
    /// By user: what is left, and what was given.
    pub(crate) balances: HashMap<String, (String, String)>,
}

/// The rows whose traces are not below `first`.
pub(crate) async fn rows(client: &Client, first: &str) -> anyhow::Result<Vec<Row>> {
    let sql = "select r.id, r.trace_id, u.name, r.model, r.state, r.usage_source, r.outcome, r.prompt_tokens, \
               r.completion_tokens, r.cache_read_tokens, r.total_cost::text \
               from http_analytics r left join users u on u.id = r.user_id where r.trace_id >= $1";
    let found = client.query(sql, &[&first]).await.context("reading the books")?;
    Ok(found.iter().map(row).collect())
}

fn row(row: &tokio_postgres::Row) -> Row {
    let count = |index: usize| row.get::<_, Option<i32>>(index).map(i64::from);
    let counts = count(7).map(|prompt| Counts {
        prompt,
        completion: count(8).unwrap_or(0),
        cache_read: count(9).unwrap_or(0),
        ..Counts::default()
    });
    Row {
        id: row.get(0),
        trace: row.get(1),
        user: row.get(2),
        model: row.get(3),
        state: row.get(4),
        usage_source: row.get(5),
        outcome: row.get(6),
        counts,
        cost: row.get(10),
    }
}

/// The instances that have ever written, by their ids.
pub(crate) async fn instances(client: &Client) -> anyhow::Result<Vec<String>> {
    let rows = client.query("select id::text from instances", &[]).await.context("reading the instances")?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Leases in which requests hold something, of these instances: of their present lives and of former ones.
pub(crate) async fn leases_with_holds(client: &Client, instances: &[String]) -> anyhow::Result<i64> {
    let sql = "select count(*) from credit_leases where held > 0 and instance_id::text = any($1)";
    Ok(client.query_one(sql, &[&instances]).await.context("reading the leases")?.get(0))
}

/// Leases of whatever kind.
pub(crate) async fn leases(client: &Client) -> anyhow::Result<i64> {
    Ok(client
        .query_one("select count(*) from credit_leases", &[])
        .await
        .context("reading the leases")?
        .get(0))
}

pub(crate) async fn totals(client: &Client) -> anyhow::Result<Totals> {
    let sql = "select (select count(*) from usage_records), \
               (select count(distinct trace_id) from usage_details), (select count(*) from quarantine)";
    let counted = client.query_one(sql, &[]).await.context("counting the books")?;
    let sql = "select u.name, b.balance::text, coalesce(sum(m.amount * movement_sign(m.type)), 0)::text \
               from users u join user_balances b on b.user_id = u.id left join credit_movements m on m.user_id = u.id \
               group by u.name, b.balance";
    let balances = client.query(sql, &[]).await.context("reading the balances")?;
    let balances =
        balances.iter().map(|balance| (balance.get(0), (balance.get(1), balance.get(2)))).collect();
    Ok(Totals { rows: counted.get(0), traces: counted.get(1), quarantined: counted.get(2), balances })
}
