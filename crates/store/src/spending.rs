//! What those who have spend caps spent, by day (UTC), from `usage_rollups`.
//!
//! Followed as balances are: whatever is charged to a user moves its balance in the same transaction, so of the users with caps only those
//! whose balance changed at or after a [`Cursor`] are read again. Of these the days that are still filling are read, and all days for caps
//! that are new. So a record that is entered days late is seen when somebody asks for everything, which the caller does now and
//! then.

use std::collections::BTreeMap;

use jiff::Timestamp;
use jiff::civil::Date;
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

/// What a key or a user spent from `from` until `until`, both on the hour. A model spends nothing.
pub async fn between(
    tx: &Tx,
    of: Of,
    id: Uuid,
    from: Timestamp,
    until: Timestamp,
) -> Result<Credits, StoreError> {
    let whose = match of {
        Of::Key => {
            "r.user_no = (select u.no from api_keys k join users u on u.id = k.user_id where k.id = $1)
             and r.key_no = (select no from api_keys where id = $1)"
        }
        Of::User => "r.user_no = (select no from users where id = $1)",
        Of::Model => return Ok(Credits::ZERO),
    };
    let sql = format!(
        "select coalesce(sum(r.amount_pico), 0)::text from usage_rollups r where {whose} and r.hour >= $2 and r.hour < $3"
    );
    let row = tx.query_one(&sql, &[&id, &from, &until]).await?;
    Ok(Credits::from_pico(row.try_get::<_, &str>(0)?.parse().unwrap_or(i128::MAX))?)
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
            let sums = tx
                .prepare_cached(
                    "with capped as (
                         select coalesce(l.user_id, k.user_id) as user_id,
                                bool_or(l.changed_xid >= $1::text::xid8) as is_new,
                                bool_or(l.user_id is not null) as by_user,
                                coalesce(array_agg(k.no) filter (where k.no is not null), '{}') as keys
                         from limits l left join api_keys k on k.id = l.key_id
                         where num_nonnulls(l.daily_cap, l.weekly_cap, l.monthly_cap) > 0
                         group by 1
                     ), moved as (
                         select c.*, b.user_no from capped c join user_balances b on b.user_id = c.user_id
                         where c.is_new or b.changed_xid >= $1::text::xid8
                     )
                     select m.user_id, m.by_user, k.id, r.key_no = any(m.keys), (r.hour at time zone 'UTC')::date,
                            sum(r.amount_pico)::text
                     from moved m
                     join usage_rollups r
                       on r.user_no = m.user_no and r.hour >= case when m.is_new then $3::timestamptz else $2::timestamptz end
                     left join api_keys k on k.no = r.key_no
                     group by 1, 2, 3, 4, 5",
                )
                .await?;
            let rows = tx.query(&sums, &[&Cursor::text(since), &reach.recent, &reach.all]).await?;
            let mut by_day = BTreeMap::<(Of, Uuid, Date), i128>::new();
            for row in rows {
                let (user, is_user_capped): (Uuid, bool) = (row.try_get(0)?, row.try_get(1)?);
                let (key, is_key_capped): (Option<Uuid>, bool) = (row.try_get(2)?, row.try_get(3)?);
                let day: Date = row.try_get(4)?;
                let amount: i128 = row.try_get::<_, &str>(5)?.parse().unwrap_or(i128::MAX);
                let of_user = is_user_capped.then_some((Of::User, user));
                let of_key = key.filter(|_| is_key_capped).map(|key| (Of::Key, key));
                for (of, id) in of_user.into_iter().chain(of_key) {
                    let sum = by_day.entry((of, id, day)).or_default();
                    *sum = sum.saturating_add(amount);
                }
            }
            let spent = by_day
                .into_iter()
                .map(|((of, id, day), pico)| Ok(Spent { of, id, day, amount: Credits::from_pico(pico)? }))
                .collect::<Result<_, StoreError>>()?;
            Ok(SpendingChanges { cursor, is_full: since.is_none(), spent, committed_position })
        })
        .await
}
