//! Rules on rows beside each other: what the schema cannot say, and what it says, in case somebody dropped that.

use tollgate_domain::UserId;
use uuid::Uuid;

use crate::{StoreError, Tx};

/// Something that is there and must not be, or the other way round.
#[derive(Debug, Clone)]
pub struct Stray {
    /// What rule it breaks.
    pub rule: &'static str,
    /// Which one it is.
    pub what: String,
    /// Whose it is, where it says so.
    pub user_id: Option<UserId>,
    /// Its UTC day, where it has one.
    pub day: Option<String>,
}

/// Each query answers which one, whose, and of which day, all as text.
const RULES: [(&str, &str); 6] = [
    (
        "a record is in the books or in quarantine, not both",
        "select q.id::text, u.id::text, to_char(q.day, 'YYYY-MM-DD') from quarantine q
         join instances i on i.id = q.instance_id
         join usage_records r on r.day = q.day and r.instance_no = i.no and r.correlation_id = q.correlation_id
                             and r.raw_digest = q.raw_digest
         left join users u on u.no = r.user_no",
    ),
    (
        "details belong to a record",
        "select d.day || '/' || d.instance_no || '/' || d.correlation_id, null, to_char(d.day, 'YYYY-MM-DD')
         from usage_details d
         where not exists (select from usage_records r where r.day = d.day and r.instance_no = d.instance_no
                                                         and r.correlation_id = d.correlation_id)",
    ),
    (
        "a movement has a positive amount, a known type and a source of its own",
        "select min(id::text), min(user_id::text), to_char(min(created_at) at time zone 'UTC', 'YYYY-MM-DD')
         from credit_movements group by source_id
         having count(*) > 1 or min(amount) <= 0
             or not bool_and(type in ('purchase', 'admin_grant', 'admin_removal', 'adjustment', 'refund', 'expiry'))",
    ),
    (
        "a movement belongs to a user",
        "select m.id::text, m.user_id::text, to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD')
         from credit_movements m where not exists (select from users u where u.id = m.user_id)",
    ),
    // Who forges one has to forge two append-only tables, and the balance beside them.
    (
        "a movement is in the audit log as it was entered",
        "select m.id::text, m.user_id::text, to_char(m.created_at at time zone 'UTC', 'YYYY-MM-DD')
         from credit_movements m
         where not exists (select from audit_log a where a.action = 'credit.' || m.type
                           and a.after -> 'movement' ->> 'id' = m.id::text
                           and a.after -> 'movement' ->> 'user_id' = m.user_id::text
                           and a.after -> 'movement' ->> 'source_id' = m.source_id
                           and (a.after -> 'movement' ->> 'amount')::numeric = m.amount)",
    ),
    (
        "a movement in the audit log is in the ledger",
        "select a.after -> 'movement' ->> 'id', a.after -> 'movement' ->> 'user_id',
                to_char(a.at at time zone 'UTC', 'YYYY-MM-DD')
         from audit_log a
         where a.action like 'credit.%' and a.after ? 'movement'
           and not exists (select from credit_movements m where m.id::text = a.after -> 'movement' ->> 'id')",
    ),
];

/// Rows that break a rule.
pub async fn strays(tx: &Tx) -> Result<Vec<Stray>, StoreError> {
    // Details and records have the same partitions: joined one by one, each fits the memory of a join.
    tx.batch_execute("set local enable_partitionwise_join = on").await?;
    let mut strays = Vec::new();
    for (rule, sql) in RULES {
        for row in tx.query(sql, &[]).await? {
            let what: Option<String> = row.try_get(0)?;
            let user: Option<String> = row.try_get(1)?;
            strays.push(Stray {
                rule,
                what: what.unwrap_or_else(|| "one without an id".to_owned()),
                user_id: user.and_then(|user| Uuid::parse_str(&user).ok()).map(UserId::from_uuid),
                day: row.try_get(2)?,
            });
        }
    }
    Ok(strays)
}
