//! What is found by an index: movements, and lines of batches.

use super::{Asked, RunningEntry, from_row};
use crate::{StoreError, Tx};

/// Movements that meet the filter, the newest first.
pub(super) async fn movements(tx: &Tx, asked: &Asked<'_>) -> Result<Vec<RunningEntry>, StoreError> {
    let sql = "select id::text as id, created_at as at, type, amount * movement_sign(type) as amount, source_id, description,
                      null::uuid as batch_id, null::uuid as api_key_id, null::text as model, null::text as request_id,
                      null::text as line
               from credit_movements
               where user_id = $1 and ($2::text is null or type = $2)
                 and ($3::text is null or strpos(lower(description), lower($3)) > 0 or strpos(lower(source_id), lower($3)) > 0)
                 and ($4::timestamptz is null or created_at >= $4) and ($5::timestamptz is null or created_at < $5)
                 and ($6::timestamptz is null or created_at <= $6
                      and (created_at, id::text collate \"C\") < ($6, $7::text collate \"C\"))
               order by created_at desc, id::text collate \"C\" desc limit $8";
    let rows = tx
        .query(
            sql,
            &[
                &asked.user.as_uuid(),
                &asked.transaction_type,
                &asked.search,
                &asked.since,
                &asked.until,
                &asked.behind.map(|place| place.at),
                &asked.behind.map(|place| place.id.as_str()),
                &asked.rows,
            ],
        )
        .await?;
    rows.iter().map(from_row).collect()
}

/// Lines of batches that meet the filter, those that stand at the newest place first.
pub(super) async fn of_batches(tx: &Tx, asked: &Asked<'_>) -> Result<Vec<RunningEntry>, StoreError> {
    let sql = "select * from (
                   select 'line:' || batch_line_id(l) as id, l.starts_at as at, 'usage' as type,
                          (l.amount_pico * -0.000000000001)::numeric(28, 12) as amount, l.batch_id::text as source_id,
                          'Batch usage: ' || coalesce(m.alias, 'unknown model') || ' (' || l.entries || ' requests)' as description,
                          l.batch_id, k.id as api_key_id, m.alias as model, null::text as request_id,
                          batch_line_id(l) as line, l.entries, l.first_at, l.last_at
                   from batch_lines l
                   left join api_keys k on k.no = l.key_no
                   left join deployed_models m on m.no = l.model_no
                   where l.user_no = $1 and ($2::int is null or l.key_no = $2) and ($3::int[] is null or l.model_no = any($3))
                     and ($4::uuid is null or l.batch_id = $4)
                     and ($6::timestamptz is null or l.starts_at >= $6) and ($7::timestamptz is null or l.starts_at < $7)
                     and ($8::timestamptz is null or l.starts_at <= $8)) l
               where ($5::text is null or strpos(lower(description), lower($5)) > 0 or strpos(lower(source_id), lower($5)) > 0)
                 and ($8::timestamptz is null or (at, id collate \"C\") < ($8, $9::text collate \"C\"))
               order by at desc, id collate \"C\" desc limit $10";
    let rows = tx
        .query(
            sql,
            &[
                &asked.user_no,
                &asked.key_no,
                &asked.model_nos,
                &asked.batch,
                &asked.search,
                &asked.since,
                &asked.until,
                &asked.behind.map(|place| place.at),
                &asked.behind.map(|place| place.id.as_str()),
                &asked.rows,
            ],
        )
        .await?;
    rows.iter().map(from_row).collect()
}

impl Asked<'_> {
    /// Asks of the entries of this line alone, and of its time. `false`: there is no such line.
    pub(super) async fn open_batch_line(&mut self, tx: &Tx, line: &str) -> Result<bool, StoreError> {
        let sql = "select batch_id, key_no, model_no from batch_lines l where user_no = $1 and batch_line_id(l) = $2";
        let Some(row) = tx.query_opt(sql, &[&self.user_no, &line]).await? else { return Ok(false) };
        let (batch, key_no, model_no) = (row.try_get(0)?, row.try_get(1)?, row.try_get::<_, i32>(2)?);
        let is_asked = self.batch.is_none_or(|asked| asked == batch)
            && self.key_no.is_none_or(|asked| asked == key_no)
            && self.model_nos.as_ref().is_none_or(|asked| asked.contains(&model_no));
        (self.batch, self.key_no, self.model_nos) = (Some(batch), Some(key_no), Some(vec![model_no]));
        Ok(is_asked)
    }

    /// Asks of the time of the batch alone, as its lines know it. `false`: this user has no such batch.
    pub(super) async fn narrow_to_batch(&mut self, tx: &Tx) -> Result<bool, StoreError> {
        let sql = "select min(first_at), max(last_at) + interval '1 microsecond' from batch_lines
                   where user_no = $1 and batch_id = $2 and ($3::int is null or key_no = $3)
                     and ($4::int[] is null or model_no = any($4))";
        let row = tx.query_one(sql, &[&self.user_no, &self.batch, &self.key_no, &self.model_nos]).await?;
        let (Some(first), Some(end)) = (row.try_get(0)?, row.try_get(1)?) else { return Ok(false) };
        self.narrow(first, end);
        Ok(true)
    }
}
