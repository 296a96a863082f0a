//! The balance after an entry: the present one, without everything that stands behind it in the ledger's order.
//!
//! What stands behind it are movements, the charges of later hours, which are summed up, and those later in its own hour, which are records of one
//! day. Each of the three is one pass over all places of a page.

use std::collections::HashMap;

use tollgate_domain::Credits;

use super::{Asked, Place, RunningEntry, credits};
use crate::utc::UtcDay;
use crate::{StoreError, Tx};

/// Fills in what is left after each row.
pub(super) async fn fill_in(tx: &Tx, asked: &Asked<'_>, rows: &mut [RunningEntry]) -> Result<(), StoreError> {
    let mut places: Vec<Place> = rows.iter().map(RunningEntry::told_at).collect();
    places.sort_unstable();
    places.dedup();
    let Some(first) = places.first().map(|place| place.at) else { return Ok(()) };
    // A place comes before the entry that stands there, so that what has passed by then are those behind it alone.
    let sql = "with places as (
                   select at, id collate \"C\" as id, date_trunc('hour', at, 'UTC') as hour from unnest($3::timestamptz[], $4::text[]) as p (at, id)),
               hours as (
                   select hour, sum(sum(pico)) over (order by hour desc rows between unbounded preceding and 1 preceding) as pico
                   from (select hour, amount_pico as pico from usage_rollups
                         where user_no = $2 and hour >= date_trunc('hour', $5::timestamptz, 'UTC')
                         union all select hour, 0 from places) h
                   group by hour),
               charges as (
                   select date_trunc('hour', requested_at, 'UTC') as hour, requested_at as at,
                          ('usage:' || day || '/' || instance_no || '/' || correlation_id) collate \"C\" as id, amount_pico as pico
                   from usage_records
                   where day = any($6) and user_no = $2 and amount_pico > 0
                     and date_trunc('hour', requested_at, 'UTC') in (select hour from places)),
               in_hour as (
                   select is_place, at, id, sum(pico) over (partition by hour order by at desc, id desc, is_place desc
                                                            rows between unbounded preceding and current row) as pico
                   from (select false as is_place, * from charges
                         union all select true, hour, at, id, 0 from places) c),
               moved as (
                   select is_place, at, id, sum(amount) over (order by at desc, id desc, is_place desc
                                                              rows between unbounded preceding and current row) as amount
                   from (select false as is_place, created_at as at, id::text collate \"C\" as id, amount * movement_sign(type) as amount
                         from credit_movements where user_id = $1 and created_at >= $5
                         union all select true, at, id, 0 from places) m)
               select p.at, p.id,
                      (b.balance - m.amount + (coalesce(h.pico, 0) + c.pico) * 0.000000000001)::numeric(28, 12) as balance_after
               from places p
               join user_balances b on b.user_no = $2
               join hours h on h.hour = p.hour
               join in_hour c on c.is_place and c.at = p.at and c.id = p.id
               join moved m on m.is_place and m.at = p.at and m.id = p.id";
    let (ats, ids): (Vec<_>, Vec<_>) = places.iter().map(|place| (place.at, place.id.as_str())).unzip();
    let mut days: Vec<UtcDay> = ats.iter().map(|at| UtcDay::clamped(*at)).collect();
    days.dedup();
    let told = tx.query(sql, &[&asked.user.as_uuid(), &asked.user_no, &ats, &ids, &first, &days]).await?;
    let told = told.iter().map(|row| {
        Ok::<_, StoreError>((
            Place { at: row.try_get("at")?, id: row.try_get("id")? },
            credits(row, "balance_after")?,
        ))
    });
    let told: HashMap<Place, Credits> = told.collect::<Result<_, _>>()?;
    for row in rows {
        let balance = told.get(&row.told_at());
        row.balance_after =
            *balance.ok_or_else(|| StoreError::Corrupt(format!("user {} has no balance", asked.user)))?;
    }
    Ok(())
}
