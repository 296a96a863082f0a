//! How the books stand, in a few numbers that are cheap to count: each count ends at [`COUNTED_TO`].

use crate::{StoreError, Tx};

/// Beyond this it is only said that there are more.
pub const COUNTED_TO: i64 = 10_000;

/// How the books stand. A number above [`COUNTED_TO`] stands for any larger one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standing {
    /// Users who are not deactivated.
    pub users: i64,
    /// Of these, the ones who were given credits and have none left.
    pub users_out_of_credits: i64,
    /// Requests that wait for a price.
    pub unrated_requests: i64,
    /// Records that wait to be replayed or written off.
    pub quarantined_records: i64,
    /// Endpoints.
    pub endpoints: i64,
    /// Models.
    pub models: i64,
    /// Models that nobody has given a price that is in force.
    pub models_without_price: i64,
}

/// Counts.
pub async fn read(tx: &Tx) -> Result<Standing, StoreError> {
    let counted =
        |rows: &str| format!("(select count(*) from (select 1 from {rows} limit {COUNTED_TO} + 1) c)");
    let live_users = "users u where u.deleted_at is null and u.id <> '00000000-0000-0000-0000-000000000000'";
    let sql = format!(
        "select {}, {}, {}, {}, {}, {}, {}",
        counted(live_users),
        counted(&format!(
            "{live_users} and exists (select 1 from credit_movements c where c.user_id = u.id)
             and (select b.balance from user_balances b where b.user_no = u.no) <= 0"
        )),
        counted("usage_records where state = 'u'"),
        counted("quarantine where written_off_at is null"),
        counted("inference_endpoints where deleted_at is null"),
        counted("deployed_models where deleted_at is null"),
        counted(
            "deployed_models m where m.deleted_at is null and not exists (
                 select 1 from model_tariffs t where t.model_id = m.id and t.valid_from <= clock_timestamp()
                 and (t.valid_until is null or t.valid_until > clock_timestamp()))"
        ),
    );
    let row = tx.query_one(&sql, &[]).await?;
    Ok(Standing {
        users: row.try_get(0)?,
        users_out_of_credits: row.try_get(1)?,
        unrated_requests: row.try_get(2)?,
        quarantined_records: row.try_get(3)?,
        endpoints: row.try_get(4)?,
        models: row.try_get(5)?,
        models_without_price: row.try_get(6)?,
    })
}
