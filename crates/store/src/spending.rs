//! What those who have spend caps spent, by day (UTC), from `usage_rollups`.
//!
//! Followed as balances are: whatever is charged to a user moves its balance in the same transaction, so of the users with caps only those
//! whose balance changed at or after a [`Cursor`] are read again. Of these the days that are still filling are read, and all days for caps
//! that are new. So a record that is entered days late is seen when somebody asks for everything, which the caller does now and
//! then.

use jiff::Timestamp;
use jiff::civil::Date;
use tokio_postgres::Row;
use tollgate_domain::{Credits, InstanceId};
use uuid::Uuid;

use crate::balances::Cursor;
use crate::limits::Of;
use crate::{Store, StoreError, Tx};

/// What one key or user spent on one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Spent {
    /// Whether it is a key or a user.
    pub of: Of,
    /// Which it is.
    pub id: Uuid,
    /// By the time of the requests.
    pub day: Date,
    /// In all.
    pub amount: Credits,
}

/// What has changed, from one snapshot, and exactly what it includes.
#[derive(Debug, Clone)]
pub struct SpendingChanges {
    /// For the next call.
    pub cursor: Cursor,
    /// Whether this is everything: on the first call, and when another server answers than the one that gave the cursor.
    pub is_full: bool,
    /// Sums of whole days.
    pub spent: Vec<Spent>,
    /// The last position of the finished requests of the instance that these sums include.
    pub committed_position: i64,
}

/// How far back is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reach {
    /// The start of the first day that may still fill.
    pub recent: Timestamp,
    /// The start of the first day that any window reaches to.
    pub all: Timestamp,
}

/// By key or user and day. Of each user with a cap, and of each whose key has one, the cells are read once and added up by key and day; what
/// is capped is joined to these sums.
///
/// Takes a place in the history of balances, the start of recent days, that of all days, and the only key or user that is asked for, if any.
///
/// What came by a restored dump may lie in the future of this server's history; it counts as new once, in the first call.
const SUMS: &str = "with future as (
        select case when $1::text = '0' then '18446744073709551615'::xid8 else pg_snapshot_xmax(pg_current_snapshot()) end as begins
    ), capped as (
        select coalesce(l.user_id, k.user_id) as user_id, l.user_id is not null as is_user, l.key_id, k.no as key_no,
               l.changed_xid >= $1::text::xid8 and l.changed_xid < (select begins from future) as is_new
        from limits l left join api_keys k on k.id = l.key_id
        where num_nonnulls(l.daily_cap, l.weekly_cap, l.monthly_cap) > 0
          and ($4::uuid is null or l.key_id = $4 or l.user_id = $4)
    ), moved as (
        select c.user_id, b.user_no, bool_or(c.is_user) as is_user,
               case when bool_or(c.is_new) then $3::timestamptz else $2::timestamptz end as since
        from capped c join user_balances b on b.user_id = c.user_id
        group by c.user_id, b.user_no, b.changed_xid
        having bool_or(c.is_new) or b.changed_xid >= $1::text::xid8 and b.changed_xid < (select begins from future)
    ), sums as materialized (
        select r.user_no, r.key_no, (r.hour at time zone 'UTC')::date as day, sum(r.amount_pico) as pico
        from moved m join usage_rollups r on r.user_no = m.user_no and r.hour >= m.since
        group by 1, 2, 3
    )
    select true, m.user_id, s.day, sum(s.pico)::text
    from moved m join sums s on s.user_no = m.user_no
    where m.is_user
    group by 2, 3
    union all
    select false, c.key_id, s.day, s.pico::text
    from capped c join sums s on s.key_no = c.key_no
    where c.key_id is not null
    order by 1, 2, 3";

/// What everybody with a cap spent on each day since `from`, or only this key or user. Of whom nothing is spent there is nothing.
pub async fn since(tx: &Tx, from: Timestamp, only: Option<Uuid>) -> Result<Vec<Spent>, StoreError> {
    sums(tx, None, Reach { recent: from, all: from }, only).await
}

async fn sums(
    tx: &Tx,
    since: Option<Cursor>,
    reach: Reach,
    only: Option<Uuid>,
) -> Result<Vec<Spent>, StoreError> {
    let sums = tx.prepare_cached(SUMS).await?;
    let rows = tx.query(&sums, &[&Cursor::text(since), &reach.recent, &reach.all, &only]).await?;
    let spent = |row: Row| {
        let of = if row.try_get(0)? { Of::User } else { Of::Key };
        let pico: i128 = row.try_get::<_, &str>(3)?.parse().unwrap_or(i128::MAX);
        Ok(Spent { of, id: row.try_get(1)?, day: row.try_get(2)?, amount: Credits::from_pico(pico)? })
    };
    rows.into_iter().map(spent).collect()
}

/// Reads what changed since `since`, or everything where it is `None` or of another server.
pub async fn load(
    store: &Store,
    instance: InstanceId,
    since: Option<Cursor>,
    reach: Reach,
) -> Result<SpendingChanges, StoreError> {
    store
        .tx_repeatable_read("load_spending", async |tx| {
            let since = since.filter(|since| since.is_of(&tx));
            let cursor = Cursor::now(&tx).await?;
            let position =
                tx.prepare_cached("select committed_position from instances where id = $1").await?;
            let position = tx.query_opt(&position, &[&instance.as_uuid()]).await?;
            let committed_position = position.map_or(Ok(0), |row| row.try_get(0))?;
            let spent = sums(&tx, since, reach, None).await?;
            Ok(SpendingChanges { cursor, is_full: since.is_none(), spent, committed_position })
        })
        .await
}
