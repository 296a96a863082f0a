//! What balances say that users have used, of everybody or of those whose balance moved since a mark.

use tokio_postgres::Row;
use tollgate_domain::UserId;
use uuid::Uuid;

use crate::usage_commits::{Mark, written_since};
use crate::{StoreError, Tx};

/// What a balance says that its user has used: the movements less the balance. In sound books that is the sum of the usage.
#[derive(Debug, Clone)]
pub struct Used {
    /// The user.
    pub user_id: UserId,
    /// The user's number.
    pub user_no: i32,
    /// In 10⁻¹² credit; what fits no number is the largest one.
    pub pico: i128,
}

const MOVEMENTS: &str =
    "sum(case when m.type in ('admin_removal', 'expiry') then -m.amount else m.amount end)";

/// Of every user. Reads all movements.
pub async fn used(tx: &Tx) -> Result<Vec<Used>, StoreError> {
    let sql = format!(
        "select b.user_id, b.user_no, trunc((coalesce(s.amount, 0) - b.balance) * 1000000000000)::text
         from user_balances b
         left join (select m.user_id, {MOVEMENTS} as amount from credit_movements m group by m.user_id) s
                on s.user_id = b.user_id"
    );
    tx.query(&sql, &[]).await?.iter().map(read).collect()
}

/// Of the users whose row was written between `earlier` and `now`, by whomever: the row's own transaction tells, not the one that
/// it says it was changed by. Reads one row of each user, and the movements of those that changed.
pub async fn used_since(tx: &Tx, earlier: &Mark, now: &Mark) -> Result<Vec<Used>, StoreError> {
    let changed = written_since("b", earlier, now);
    let sql = format!(
        "select b.user_id, b.user_no, trunc((coalesce(s.amount, 0) - b.balance) * 1000000000000)::text
         from user_balances b
         left join lateral (select {MOVEMENTS} as amount from credit_movements m where m.user_id = b.user_id) s on true
         where {changed}"
    );
    tx.query(&sql, &[]).await?.iter().map(read).collect()
}

fn read(row: &Row) -> Result<Used, StoreError> {
    Ok(Used {
        user_id: UserId::from_uuid(row.try_get::<_, Uuid>(0)?),
        user_no: row.try_get(1)?,
        pico: row.try_get::<_, &str>(2)?.parse().unwrap_or(i128::MAX),
    })
}
