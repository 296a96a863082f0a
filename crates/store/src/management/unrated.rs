//! What waits for a price, by what it waits for.

use jiff::Timestamp;
use tokio_postgres::Row;
use tollgate_domain::{ModelId, UserId};
use uuid::Uuid;

use super::Page;
use crate::{StoreError, Tx};

/// Most groups in an answer.
const MAX_GROUPS: u32 = 1_000;

/// Requests of one user for one model that wait for a price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Waiting {
    /// Who will pay.
    pub user_id: Option<UserId>,
    /// Who will pay, by name.
    pub user_name: Option<String>,
    /// The model; `None` where no live model has the alias that was asked for.
    pub model_id: Option<ModelId>,
    /// The alias.
    pub model: Option<String>,
    /// For keys of this purpose.
    pub purpose: Option<String>,
    /// For batches with this completion window.
    pub completion_window: Option<String>,
    /// How many.
    pub requests: i64,
    /// Tokens in, as stated.
    pub prompt_tokens: i64,
    /// Tokens out, as stated.
    pub completion_tokens: i64,
    /// The oldest of them.
    pub oldest_at: Timestamp,
    /// The newest of them.
    pub newest_at: Timestamp,
}

/// All groups, those with the most requests first; the first thousand where there are more, and that there are.
pub async fn waiting(tx: &Tx) -> Result<Page<Waiting>, StoreError> {
    let sql = "select u.id, u.name, m.id, coalesce(m.alias, d.request_model) as model, d.api_key_purpose,
                      d.batch_completion_window, count(*) as requests,
                      coalesce(sum(r.prompt_tokens), 0)::bigint, coalesce(sum(r.completion_tokens), 0)::bigint,
                      min(r.requested_at), max(r.requested_at)
               from usage_records r
               join usage_dimensions d on d.no = r.dimensions_no
               left join users u on u.no = r.user_no
               left join deployed_models m on m.no = r.model_no
               where r.state = 'u' group by 1, 2, 3, 4, 5, 6 order by requests desc, model, u.name limit $1";
    let rows = tx.query(sql, &[&(i64::from(MAX_GROUPS) + 1)]).await?;
    Ok(Page::of(rows.iter().map(from_row).collect::<Result<_, _>>()?, MAX_GROUPS))
}

fn from_row(row: &Row) -> Result<Waiting, StoreError> {
    Ok(Waiting {
        user_id: row.try_get::<_, Option<Uuid>>(0)?.map(UserId::from_uuid),
        user_name: row.try_get(1)?,
        model_id: row.try_get::<_, Option<Uuid>>(2)?.map(ModelId::from_uuid),
        model: row.try_get(3)?,
        purpose: row.try_get(4)?,
        completion_window: row.try_get(5)?,
        requests: row.try_get(6)?,
        prompt_tokens: row.try_get(7)?,
        completion_tokens: row.try_get(8)?,
        oldest_at: row.try_get(9)?,
        newest_at: row.try_get(10)?,
    })
}
