//! `audit_log`, read in pages.

use jiff::Timestamp;
use tokio_postgres::Row;
use uuid::Uuid;

use super::{Page, rows_for};
use crate::audit_log::{AuditEntry, ChainDigest};
use crate::text::check_text;
use crate::{StoreError, Tx};

/// One change with what it is found by.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The entry.
    pub id: Uuid,
    /// What it says.
    pub entry: AuditEntry,
    /// Its number in the chain of all entries; `None`: somebody took it out of there.
    pub no: Option<i64>,
    /// Its digest there.
    pub digest: Option<ChainDigest>,
}

/// Which changes.
#[derive(Debug, Clone, Default)]
pub struct ChangeFilter {
    /// By this actor.
    pub actor: Option<String>,
    /// This action, such as `key.revoke`; one that ends with a dot, such as `key.`, is all that begin so.
    pub action: Option<String>,
    /// To this subject.
    pub subject: Option<String>,
}

/// Changes, newest first, behind the one made at this time under this id.
pub async fn page(
    tx: &Tx,
    filter: &ChangeFilter,
    after: Option<(Timestamp, Uuid)>,
    limit: u32,
) -> Result<Page<Change>, StoreError> {
    for text in [&filter.actor, &filter.action, &filter.subject].into_iter().flatten() {
        check_text("the filter", text)?;
    }
    let (at, id) = after.unzip();
    let rows = tx
        .query(
            "select id, at, actor, action, subject, before, after, no, digest
             from audit_log left join audit_log_chain on entry_id = id
             where ($1::text is null or actor = $1)
               and ($2::text is null or case when right($2, 1) = '.' then starts_with(action, $2) else action = $2 end)
               and ($3::text is null or subject = $3)
               and ($4::timestamptz is null or (at, id) < ($4, $5))
             order by at desc, id desc limit $6",
            &[&filter.actor, &filter.action, &filter.subject, &at, &id, &rows_for(limit)],
        )
        .await?;
    Ok(Page::of(rows.iter().map(from_row).collect::<Result<_, _>>()?, limit))
}

fn from_row(row: &Row) -> Result<Change, StoreError> {
    let digest = row.try_get::<_, Option<&[u8]>>(8)?.map(ChainDigest::from_bytes);
    Ok(Change {
        no: row.try_get(7)?,
        digest: digest.transpose()?,
        id: row.try_get(0)?,
        entry: AuditEntry {
            at: row.try_get(1)?,
            actor: row.try_get(2)?,
            action: row.try_get(3)?,
            subject: row.try_get(4)?,
            before: row.try_get(5)?,
            after: row.try_get(6)?,
        },
    })
}
