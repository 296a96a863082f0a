//! Balances against ledgers, and how many records are in which state: one parallel scan of the records answers both.

use tollgate_domain::UserId;
use uuid::Uuid;

use crate::{StoreError, Tx};

/// A user whose balance is not the sum of the ledger. Amounts are in credits, as text: a tampered one may fit no number of ours.
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
    /// The balance less the ledger.
    pub difference: String,
}

/// How many records are in one state.
#[derive(Debug, Clone, Copy)]
pub struct StateCount {
    /// Its letter.
    pub letter: u8,
    /// Records in it.
    pub records: i64,
    /// Of these, with an amount that none in this state has: charged and nothing to pay, or the other way round.
    pub impossible: i64,
}

/// What the scan found.
#[derive(Debug, Clone, Default)]
pub struct Sums {
    /// Every state that is there, unknown ones too.
    pub states: Vec<StateCount>,
    /// Users whose balance is not the sum of their ledger.
    pub balances: Vec<BalanceDifference>,
}

/// Adds up every record, once.
pub async fn sums(tx: &Tx) -> Result<Sums, StoreError> {
    // `movement_sign` would say the same; a function that nobody declared safe for it keeps the whole query from running in parallel.
    let rows = tx
        .query(
            "with usage as materialized (
                 select user_no, state, count(*) as records, sum(amount_pico) as pico,
                        count(*) filter (where (state = 'c') <> (amount_pico > 0) or amount_pico < 0) as impossible
                   from usage_records group by user_no, state),
             entries as (
                 select user_no, -sum(pico) * 0.000000000001 as amount
                   from usage where user_no is not null group by user_no
                 union all
                 select u.no, sum(case when m.type in ('admin_removal', 'expiry') then -m.amount else m.amount end)
                   from credit_movements m join users u on u.id = m.user_id group by u.no),
             ledger as (select user_no, sum(amount) as amount from entries group by user_no)
             select null::\"char\", null::bigint, null::bigint, u.id, coalesce(b.user_no, l.user_no, u.no) as user_no,
                    trim_scale(b.balance)::text, trim_scale(coalesce(l.amount, 0))::text,
                    trim_scale(coalesce(b.balance, 0) - coalesce(l.amount, 0))::text
               from users u
               full join ledger l on l.user_no = u.no
               full join user_balances b on b.user_no = coalesce(u.no, l.user_no)
              where b.balance is distinct from coalesce(l.amount, 0) or b.user_id is distinct from u.id
             union all
             select state, sum(records)::bigint, sum(impossible)::bigint, null, null, null, null, null
               from usage group by state
             order by user_no",
            &[],
        )
        .await?;
    let mut sums = Sums::default();
    for row in rows {
        if let Some(letter) = row.try_get::<_, Option<i8>>(0)? {
            let (records, impossible) = (row.try_get(1)?, row.try_get(2)?);
            sums.states.push(StateCount { letter: letter.cast_unsigned(), records, impossible });
        } else {
            sums.balances.push(BalanceDifference {
                user_id: row.try_get::<_, Option<Uuid>>(3)?.map(UserId::from_uuid),
                user_no: row.try_get(4)?,
                stored: row.try_get(5)?,
                ledger: row.try_get(6)?,
                difference: row.try_get(7)?,
            });
        }
    }
    Ok(sums)
}
