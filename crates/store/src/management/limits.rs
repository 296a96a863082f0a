//! Limits and spend caps in pages, with how much of each cap is used in the window that it is now: from the hourly sums, of those alone who
//! have a cap.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use tollgate_domain::{Credits, SpendWindow, UserId, end_of_day, start_of_day, utc_day};
use uuid::Uuid;

use super::{Page, rows_for};
use crate::limits::{self, Limited, Of};
use crate::{StoreError, Tx};

/// Limits as they stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Whose, and which.
    pub limited: Limited,
    /// Who pays; `None` for a model.
    pub user_id: Option<UserId>,
    /// What is spent under the caps.
    pub used: Used,
}

/// What was spent in the windows that it is now; `None` where there is no cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Used {
    /// On this day (UTC).
    pub daily: Option<Credits>,
    /// Since Monday (UTC).
    pub weekly: Option<Credits>,
    /// In this month (UTC).
    pub monthly: Option<Credits>,
}

/// Whose limits.
#[derive(Debug, Clone, Default)]
pub struct StandingFilter {
    /// Of this user and its keys alone.
    pub user: Option<UserId>,
    /// Of keys, users or models alone.
    pub of: Option<Of>,
    /// Of these keys, users or models alone.
    pub only: Option<Vec<Uuid>>,
}

/// Where one stands in the list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    kind: i32,
    id: Uuid,
}

impl Standing {
    /// Where it stands.
    pub fn place(&self) -> Place {
        Place { kind: kind(self.limited.of), id: self.limited.id }
    }
}

const fn kind(of: Of) -> i32 {
    match of {
        Of::Key => 0,
        Of::User => 1,
        Of::Model => 2,
    }
}

/// Everything that has limits, keys first, then by id, behind `after`.
pub async fn page(
    tx: &Tx,
    filter: &StandingFilter,
    now: Timestamp,
    after: Option<Place>,
    limit: u32,
) -> Result<Page<Standing>, StoreError> {
    let sum = |cap: &str, from: usize, until: usize| {
        format!(
            "case when l.{cap} is not null then
                 (coalesce(sum(r.amount_pico) filter (where r.hour >= ${from} and r.hour < ${until}), 0) * 0.000000000001)::numeric(28, 12)
             end as {cap}_used"
        )
    };
    let sql = format!(
        "with wanted as (
             select l.*, coalesce(l.user_id, k.user_id) as payer, k.no as key_no,
                    case when l.key_id is not null then 0 when l.user_id is not null then 1 else 2 end as kind,
                    coalesce(l.key_id, l.user_id, l.model_id) as id
             from limits l left join api_keys k on k.id = l.key_id),
         page as (
             select * from wanted
             where ($1::uuid is null or payer = $1) and ($2::integer is null or kind = $2)
               and ($3::uuid[] is null or id = any($3)) and ($4::integer is null or (kind, id) > ($4, $5))
             order by kind, id limit $6)
         select l.key_id, l.user_id, l.model_id, coalesce(k.prefix, u.name, m.alias), l.requests_per_minute,
                l.tokens_per_minute, l.concurrent_requests, l.daily_cap, l.weekly_cap, l.monthly_cap, l.payer,
                s.daily_cap_used, s.weekly_cap_used, s.monthly_cap_used
         from page l
         left join api_keys k on k.id = l.key_id
         left join users u on u.id = l.user_id
         left join deployed_models m on m.id = l.model_id
         cross join lateral (
             select {}, {}, {} from usage_rollups r
             where num_nonnulls(l.daily_cap, l.weekly_cap, l.monthly_cap) > 0
               and r.user_no = (select no from users where id = l.payer) and (l.key_id is null or r.key_no = l.key_no)
               and r.hour >= least($7::timestamptz, $9::timestamptz, $11::timestamptz)) s
         order by l.kind, l.id",
        sum("daily_cap", 7, 8),
        sum("weekly_cap", 9, 10),
        sum("monthly_cap", 11, 12),
    );
    let today = utc_day(now);
    let bounds = SpendWindow::ALL.map(|window| {
        let days = window.around(today);
        (start_of_day(*days.start()), end_of_day(*days.end()))
    });
    let [day, week, month] = &bounds;
    let (kind_after, id_after) = after.map(|place| (place.kind, place.id)).unzip();
    let rows = tx
        .query(
            &sql,
            &[
                &filter.user.map(UserId::as_uuid),
                &filter.of.map(kind),
                &filter.only,
                &kind_after,
                &id_after,
                &rows_for(limit),
                &day.0,
                &day.1,
                &week.0,
                &week.1,
                &month.0,
                &month.1,
            ],
        )
        .await?;
    let rows = rows.iter().map(|row| {
        let used = |column: usize| -> Result<Option<Credits>, StoreError> {
            Ok(row.try_get::<_, Option<Decimal>>(column)?.map(Credits::try_from).transpose()?)
        };
        Ok::<_, StoreError>(Standing {
            limited: limits::from_row(row)?,
            user_id: row.try_get::<_, Option<Uuid>>(10)?.map(UserId::from_uuid),
            used: Used { daily: used(11)?, weekly: used(12)?, monthly: used(13)? },
        })
    });
    Ok(Page::of(rows.collect::<Result<_, _>>()?, limit))
}

/// The limits of one key, user or model as they stand; `None` where it has none.
pub async fn find(tx: &Tx, id: Uuid, now: Timestamp) -> Result<Option<Standing>, StoreError> {
    let filter = StandingFilter { only: Some(vec![id]), ..StandingFilter::default() };
    Ok(page(tx, &filter, now, None, 1).await?.rows.into_iter().next())
}
