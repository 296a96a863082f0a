//! Records that the books refused: shown, tried again under their first identity, or given up by name.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::{ApiKeyId, CorrelationId, Credential, InstanceId, Outcome, RawAnalyticsRecord};
use tollgate_store::api_keys::{self, ApiKey};
use tollgate_store::epochs::Ground;
use tollgate_store::quarantine::Quarantined;
use tollgate_store::{Store, StoreError, Tx, epochs, quarantine};
use uuid::Uuid;

use crate::digest::RecordKeys;
use crate::dimensions::{Interner, MAX_COMBINATIONS};
use crate::instances::Instances;
use crate::prepare::{Prepared, Preparer};
use crate::view::CatalogView;
use crate::write::{self, CONFLICT, Mode};

/// What a record in quarantine says of its request, as it was stated: enough to decide by, and nothing that was asked or answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Request {
    /// When it began.
    pub at: Timestamp,
    /// Who would pay, by name; `None` without a known key.
    pub user: Option<String>,
    /// The first characters of the key.
    pub key_prefix: Option<String>,
    /// The key.
    pub key_id: Option<ApiKeyId>,
    /// The alias that was asked for, with [`MAX_ALIAS_CHARS`] at most, and without control characters.
    pub model: Option<String>,
    /// HTTP status of the response.
    pub status_code: i32,
    /// How it ended.
    pub outcome: Outcome,
    /// As stated, which may be the reason.
    pub prompt_tokens: Option<i64>,
    /// As stated.
    pub completion_tokens: Option<i64>,
    /// As stated.
    pub total_tokens: Option<i64>,
}

/// An alias is a client's text, of any length; this much tells it from others.
pub const MAX_ALIAS_CHARS: usize = 80;

/// One record in quarantine, without its contents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// By which it is replayed or written off.
    pub id: Uuid,
    /// Identity of the record.
    pub instance_id: InstanceId,
    /// Identity of the record.
    pub correlation_id: CorrelationId,
    /// UTC day of admission.
    pub day: String,
    /// Whose request it was; `None` where this version cannot read the record.
    pub request: Option<Request>,
    /// Why it was refused.
    pub reason: String,
    /// What PostgreSQL called it, where it was PostgreSQL who refused.
    pub sqlstate: Option<String>,
    /// Since when.
    pub quarantined_at: Timestamp,
    /// When it was given up.
    pub written_off_at: Option<Timestamp>,
    /// Who gave it up.
    pub written_off_by: Option<String>,
}

impl Entry {
    fn new(row: Quarantined, request: Option<Request>) -> Self {
        Self {
            id: row.id,
            instance_id: row.instance_id,
            correlation_id: row.correlation_id,
            day: row.day.to_string(),
            request,
            reason: row.reason,
            sqlstate: row.sqlstate,
            quarantined_at: row.quarantined_at,
            written_off_at: row.written_off_at,
            written_off_by: row.written_off_by,
        }
    }
}

/// What a replay came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Replayed {
    /// It is in the books now.
    Entered,
    /// The books had it already; only the quarantine forgot it.
    AlreadyEntered,
}

impl Replayed {
    /// The name, as logged and as on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Entered => "entered",
            Self::AlreadyEntered => "already_entered",
        }
    }
}

/// The newest `limit` records in quarantine; with those written off where `with_written_off`.
pub async fn list(store: &Store, with_written_off: bool, limit: i64) -> Result<Vec<Entry>, StoreError> {
    let read = async |tx: Tx| {
        let mut keys = HashMap::new();
        let mut entries = Vec::new();
        for row in quarantine::list(&tx, with_written_off, limit).await? {
            let request = match serde_json::from_slice::<RawAnalyticsRecord>(&row.payload) {
                Ok(record) => Some(request(&tx, record, &mut keys).await?),
                Err(_) => None,
            };
            entries.push(Entry::new(row, request));
        }
        Ok(entries)
    };
    store.tx("list_quarantine", read).await
}

/// What was seen of the keys so far: few keys have many records.
type Keys = HashMap<Vec<u8>, Option<ApiKey>>;

async fn request(tx: &Tx, record: RawAnalyticsRecord, keys: &mut Keys) -> Result<Request, StoreError> {
    let key = key_of(tx, record.credential, keys).await?;
    let model = record.request_model.map(|alias| {
        alias.chars().filter(|character| !character.is_control()).take(MAX_ALIAS_CHARS).collect()
    });
    Ok(Request {
        at: record.timestamp,
        user: key.as_ref().map(|key| key.user_name.clone()),
        key_prefix: key.as_ref().map(|key| key.prefix.clone()),
        key_id: key.map(|key| key.id),
        model,
        status_code: record.status_code,
        outcome: record.outcome,
        prompt_tokens: record.usage.prompt_tokens,
        completion_tokens: record.usage.completion_tokens,
        total_tokens: record.usage.total_tokens,
    })
}

/// The key that was used, where there is one.
async fn key_of(tx: &Tx, credential: Credential, keys: &mut Keys) -> Result<Option<ApiKey>, StoreError> {
    let handle = match &credential {
        Credential::None => return Ok(None),
        Credential::Key(id) => id.as_uuid().as_bytes().to_vec(),
        Credential::Digest(digest) => digest.as_bytes().to_vec(),
    };
    if let Some(key) = keys.get(&handle) {
        return Ok(key.clone());
    }
    let key = match credential {
        Credential::None => None,
        Credential::Key(id) => match api_keys::find(tx, &id.to_string()).await {
            Ok(key) => Some(key),
            Err(StoreError::NotFound(_)) => None,
            Err(error) => return Err(error),
        },
        Credential::Digest(digest) => api_keys::find_by_digest(tx, &digest).await?,
    };
    keys.insert(handle, key.clone());
    Ok(key)
}

/// Writes the record to the books as if it came now, under its first identity, and takes it out of quarantine, both or neither.
///
/// A record that is refused again stays where it is, and the error is the reason. Otherwise the log of changes says that `actor` did it.
pub async fn replay(store: &Store, keys: &RecordKeys, id: Uuid, actor: &str) -> Result<Replayed, StoreError> {
    let preparer = Preparer {
        store: store.clone(),
        keys: keys.clone(),
        interner: Interner::new(MAX_COMBINATIONS),
        instances: Instances::default(),
    };
    let view = CatalogView::default();
    let waiting = find(store, id).await?;
    let record = decode(&waiting)?;
    if preparer.keys.raw_digest(&record, &mut Vec::new()) != waiting.raw_digest {
        return Err(StoreError::refused(
            "the record's digest is not the one it was stored with: it was altered, or the master key is another",
        ));
    }
    let records = [&record];
    loop {
        let catalog = view.refresh(store).await?;
        let prepared = preparer.prepare(&records, catalog).await?;
        if let Some(refused) = prepared.refused.first() {
            return Err(StoreError::refused(format!("the record is still refused: {}", refused.reason)));
        }
        let replayed = store
            .tx("replay_quarantined", async |tx| replay_in(&tx, id, &view, &records, &prepared, actor).await)
            .await?;
        if let Some(replayed) = replayed {
            return Ok(replayed);
        }
    }
}

/// `None`: the catalog is out of date.
async fn replay_in(
    tx: &Tx,
    id: Uuid,
    view: &CatalogView,
    records: &[&RawAnalyticsRecord],
    prepared: &Prepared,
    actor: &str,
) -> Result<Option<Replayed>, StoreError> {
    let ground = epochs::read_shared(tx).await?;
    if view.is_stale(&prepared.catalog, ground.epochs, prepared.missed) {
        return Ok(None);
    }
    let Some(taken) = quarantine::take(tx, id).await? else { return Err(gone(id)) };
    // It stands in quarantine no more.
    let ground = Ground { has_quarantine: false, ..ground };
    let written = write::write(tx, records, prepared, Mode::Staged, ground).await?;
    if written.conflicts > 0 {
        return Err(StoreError::refused(format!("the record is still refused: {CONFLICT}")));
    }
    let replayed = if written.inserted == 0 { Replayed::AlreadyEntered } else { Replayed::Entered };
    quarantine::log_replay(tx, &taken, replayed.as_str(), actor).await?;
    Ok(Some(replayed))
}

/// Gives the record up, in `by`'s name. It stays to be seen, and is never replayed. The log of changes says that `actor` did it.
pub async fn write_off(store: &Store, id: Uuid, by: &str, actor: &str) -> Result<(), StoreError> {
    let written_off =
        store.tx("write_off_quarantined", async |tx| quarantine::write_off(&tx, id, by, actor).await).await?;
    if written_off { Ok(()) } else { Err(gone(id)) }
}

async fn find(store: &Store, id: Uuid) -> Result<Quarantined, StoreError> {
    let found = store.tx("find_quarantined", async |tx| quarantine::find(&tx, id).await).await?;
    found.filter(|row| row.written_off_at.is_none()).ok_or_else(|| gone(id))
}

fn decode(waiting: &Quarantined) -> Result<RawAnalyticsRecord, StoreError> {
    // The error would quote the contents.
    serde_json::from_slice(&waiting.payload).map_err(|_| {
        StoreError::refused("the record's payload cannot be read by this version; it can only be written off")
    })
}

fn gone(id: Uuid) -> StoreError {
    StoreError::not_found(format!(
        "no record {id} waits in quarantine; see `tollgate quarantine list`, it may have been replayed or written off"
    ))
}
