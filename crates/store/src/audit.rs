//! What `tollgate audit` asks of the books beside each row's own proof: sums that must agree, and what must not be there.
//!
//! Every query returns differences only, so an audit of sound books moves nothing but the rows themselves. Amounts come as text:
//! a tampered one may fit no number of ours.

use jiff::Timestamp;
use tollgate_domain::UserId;
use uuid::Uuid;

use crate::{StoreError, Tx};

/// A user whose balance is not the sum of the ledger.
#[derive(Debug, Clone)]
pub struct BalanceDifference {
    /// The user, where one has the number.
    pub user_id: Option<UserId>,
    /// The user's number.
    pub user_no: i32,
    /// What `user_balances` says; `None`: there is no row.
    pub stored: Option<String>,
    /// Σ of movements and usage.
    pub ledger: String,
}

/// Users whose balance is not the sum of their ledger.
pub async fn balance_differences(tx: &Tx) -> Result<Vec<BalanceDifference>, StoreError> {
    let rows = tx
        .query(
            "with entries as (
                 select user_no, -sum(amount_pico) * 0.000000000001 as amount
                   from usage_records where user_no is not null group by user_no
                 union all
                 select u.no, sum(movement_sign(m.type) * m.amount)
                   from credit_movements m join users u on u.id = m.user_id group by u.no),
             ledger as (select user_no, sum(amount) as amount from entries group by user_no)
             select u.id, coalesce(b.user_no, l.user_no, u.no), trim_scale(b.balance)::text,
                    trim_scale(coalesce(l.amount, 0))::text
               from users u
               full join ledger l on l.user_no = u.no
               full join user_balances b on b.user_no = coalesce(u.no, l.user_no)
              where b.balance is distinct from coalesce(l.amount, 0) or b.user_id is distinct from u.id
              order by 2",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(BalanceDifference {
                user_id: row.try_get::<_, Option<Uuid>>(0)?.map(UserId::from_uuid),
                user_no: row.try_get(1)?,
                stored: row.try_get(2)?,
                ledger: row.try_get(3)?,
            })
        })
        .collect()
}

/// A sum in `usage_rollups` that the records do not add up to.
#[derive(Debug, Clone)]
pub struct RollupDifference {
    /// Start of the hour.
    pub hour: Timestamp,
    /// Who pays; 0 for none.
    pub user_no: i32,
    /// The user, where one has the number.
    pub user_id: Option<UserId>,
    /// The sums as stored: requests, failed, unrated, prompt, completion, reasoning, cache read, cache write, pico.
    pub stored: String,
    /// The same sums over the records.
    pub records: String,
}

/// Sums that differ from the records. A sum of nothing and no sum are the same.
pub async fn rollup_differences(tx: &Tx) -> Result<Vec<RollupDifference>, StoreError> {
    let rows = tx
        .query(
            "with records as (
                 select date_trunc('hour', requested_at, 'UTC') as hour, coalesce(user_no, 0) as user_no,
                        coalesce(key_no, 0) as key_no, coalesce(model_no, 0) as model_no,
                        array[count(*), count(*) filter (where flags & 2 <> 0), count(*) filter (where state = 'u'),
                              sum(coalesce(prompt_tokens, 0)), sum(coalesce(completion_tokens, 0)),
                              sum(coalesce(reasoning_tokens, 0)), sum(coalesce(cache_read_tokens, 0)),
                              sum(coalesce(cache_write_5m_tokens, 0)::bigint + coalesce(cache_write_1h_tokens, 0)),
                              sum(amount_pico)]::numeric[] as sums
                   from usage_records group by 1, 2, 3, 4),
             stored as (
                 select hour, user_no, key_no, model_no,
                        array[requests, failed_requests, unrated_requests, prompt_tokens, completion_tokens,
                              reasoning_tokens, cache_read_tokens, cache_write_tokens, amount_pico]::numeric[] as sums
                   from usage_rollups)
             select hour, user_no, u.id, coalesce(s.sums, array_fill(0::numeric, array[9]))::text,
                    coalesce(r.sums, array_fill(0::numeric, array[9]))::text
               from records r full join stored s using (hour, user_no, key_no, model_no)
               left join users u on u.no = user_no
              where coalesce(s.sums, array_fill(0::numeric, array[9]))
                    is distinct from coalesce(r.sums, array_fill(0::numeric, array[9]))
              order by 1, 2",
            &[],
        )
        .await?;
    rows.iter()
        .map(|row| {
            Ok(RollupDifference {
                hour: row.try_get(0)?,
                user_no: row.try_get(1)?,
                user_id: row.try_get::<_, Option<Uuid>>(2)?.map(UserId::from_uuid),
                stored: row.try_get(3)?,
                records: row.try_get(4)?,
            })
        })
        .collect()
}

/// Something that is there and must not be, or the other way round.
#[derive(Debug, Clone)]
pub struct Stray {
    /// What rule it breaks.
    pub rule: &'static str,
    /// Which one it is.
    pub what: String,
}

/// The rules on rows beside each other: what the schema cannot say, and what it says, in case somebody dropped that.
const RULES: [(&str, &str); 7] = [
    (
        "a record is in the books or in quarantine, not both",
        "select q.id::text from quarantine q join instances i on i.id = q.instance_id
         join usage_records r on r.day = q.day and r.instance_no = i.no and r.correlation_id = q.correlation_id
                             and r.raw_digest = q.raw_digest",
    ),
    (
        "details belong to a record",
        "select d.day || '/' || d.instance_no || '/' || d.correlation_id from usage_details d
         where not exists (select from usage_records r where r.day = d.day and r.instance_no = d.instance_no
                                                         and r.correlation_id = d.correlation_id)",
    ),
    (
        "a movement has a positive amount, a known type and a source of its own",
        "select min(id::text) from credit_movements group by source_id
         having count(*) > 1 or min(amount) <= 0
             or not bool_and(type in ('purchase', 'admin_grant', 'admin_removal', 'adjustment', 'refund', 'expiry'))",
    ),
    (
        "a movement belongs to a user",
        "select m.id::text from credit_movements m where not exists (select from users u where u.id = m.user_id)",
    ),
    // Who forges one has to forge two append-only tables, and the balance beside them.
    (
        "a movement is in the audit log as it was entered",
        "select m.id::text from credit_movements m
         where not exists (select from audit_log a where a.action = 'credit.' || m.type
                           and a.after -> 'movement' ->> 'id' = m.id::text
                           and a.after -> 'movement' ->> 'user_id' = m.user_id::text
                           and a.after -> 'movement' ->> 'source_id' = m.source_id
                           and (a.after -> 'movement' ->> 'amount')::numeric = m.amount)",
    ),
    (
        "a movement in the audit log is in the ledger",
        "select a.after -> 'movement' ->> 'id' from audit_log a
         where a.action like 'credit.%' and a.after ? 'movement'
           and not exists (select from credit_movements m where m.id::text = a.after -> 'movement' ->> 'id')",
    ),
    (
        "a record belongs to a known instance",
        "select distinct r.day || '/' || r.instance_no from usage_records r
         where not exists (select from instances i where i.no = r.instance_no)",
    ),
];

/// Rows that break a rule.
pub async fn strays(tx: &Tx) -> Result<Vec<Stray>, StoreError> {
    let mut strays = Vec::new();
    for (rule, sql) in RULES {
        for row in tx.query(sql, &[]).await? {
            strays.push(Stray { rule, what: row.try_get(0)? });
        }
    }
    Ok(strays)
}
