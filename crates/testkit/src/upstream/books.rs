//! The upstream's own books: what it was asked, what it stated, and how far the client let it talk. They share no code
//! with the gateway, so that a test can hold one against the other.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;

use super::exchange::Surface;

/// The largest request body kept with its entry. Larger ones are there as a digest only.
pub const KEPT_BODY_MAX_BYTES: usize = 64 << 10;

/// Token counts in one form for all surfaces: `prompt` includes the cached, audio and image parts, `completion` the
/// reasoning and audio parts. In the books: what the wire format can express, and was asked to state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// All tokens in.
    pub prompt: i64,
    /// All tokens out.
    pub completion: i64,
    /// Of `completion`.
    pub reasoning: i64,
    /// Of `prompt`.
    pub cache_read: i64,
    /// Of `prompt`.
    pub cache_write_5m: i64,
    /// Of `prompt`.
    pub cache_write_1h: i64,
    /// Of `prompt`.
    pub audio_input: i64,
    /// Of `completion`.
    pub audio_output: i64,
    /// Of `prompt`.
    pub image_input: i64,
}

/// One request, as the upstream saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BookEntry {
    /// 1, 2, 3, … in the order of arrival. The answer carries it in `x-upstream-sequence`.
    pub sequence: u64,
    /// The script's `tag=`.
    pub tag: Option<String>,
    /// `POST`, `GET`.
    pub method: String,
    /// Path and query, as they arrived.
    pub uri: String,
    /// Which wire format it was.
    pub surface: Surface,
    /// The model that was asked for, of body or path.
    pub model: Option<String>,
    /// Whether a stream was asked for.
    pub stream: bool,
    /// Whether `stream_options.include_usage` was set.
    pub include_usage: bool,
    /// The status answered; 0 where the connection was dropped before.
    pub status: u16,
    /// The usage in the whole answer; `None` where it has none.
    pub stated: Option<Counts>,
    /// Whether the bytes that state the usage were all given to the connection.
    pub usage_sent: bool,
    /// Whether the whole body was given to the connection.
    pub body_complete: bool,
    /// Bytes of body given to the connection, as encoded.
    pub bytes_sent: u64,
    /// Whether the exchange has ended, in whatever way.
    pub ended: bool,
    /// Whether the canary (see `ScriptedUpstream::set_canary`) was anywhere in the request.
    pub canary_seen: bool,
    /// The request's headers, in order, as text.
    pub headers: Vec<(String, String)>,
    /// SHA-256 of the request's body, in hex.
    pub body_sha256: String,
    /// The request's body, up to [`KEPT_BODY_MAX_BYTES`].
    #[serde(skip)]
    pub body: Bytes,
}

impl BookEntry {
    /// The first header of that name (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The books of one upstream. Clones are the same books.
#[derive(Debug, Clone)]
pub(crate) struct Books {
    /// In the order of their numbers.
    entries: Arc<watch::Sender<Vec<BookEntry>>>,
    /// How many requests ever arrived.
    arrived: Arc<AtomicU64>,
}

impl Books {
    pub(crate) fn new() -> Self {
        Self { entries: Arc::new(watch::Sender::new(Vec::new())), arrived: Arc::default() }
    }

    /// Enters a request and gives it its number.
    pub(crate) fn open(&self, mut entry: BookEntry) -> OpenEntry {
        let mut sequence = 0;
        self.entries.send_modify(|entries| {
            // Counted under the lock of the entries, so that these stay in order.
            sequence = self.arrived.fetch_add(1, Ordering::Relaxed) + 1;
            entry.sequence = sequence;
            entries.push(entry);
        });
        OpenEntry { books: self.clone(), sequence }
    }

    pub(crate) fn all(&self) -> Vec<BookEntry> {
        self.entries.borrow().clone()
    }

    /// Takes the entries whose exchange has ended out of the books.
    pub(crate) fn take_ended(&self) -> Vec<BookEntry> {
        let mut ended = Vec::new();
        self.entries.send_modify(|entries| ended.extend(entries.extract_if(.., |entry| entry.ended)));
        ended
    }

    pub(crate) fn after(&self, count: usize) -> Vec<BookEntry> {
        self.entries.borrow().get(count..).unwrap_or_default().to_vec()
    }

    /// Waits until `is_met` holds of the books.
    pub(crate) async fn wait_for(&self, is_met: impl FnMut(&Vec<BookEntry>) -> bool) -> Vec<BookEntry> {
        self.entries.subscribe().wait_for(is_met).await.expect("the sender is in self").clone()
    }
}

/// An entry whose exchange goes on. Dropping it ends the exchange.
#[derive(Debug)]
pub(crate) struct OpenEntry {
    books: Books,
    sequence: u64,
}

impl OpenEntry {
    pub(crate) fn update(&self, change: impl FnOnce(&mut BookEntry)) {
        self.books.entries.send_modify(|entries| {
            // It is there: only what has ended is taken out.
            if let Ok(index) = entries.binary_search_by_key(&self.sequence, |entry| entry.sequence) {
                change(&mut entries[index]);
            }
        });
    }

    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }
}

impl Drop for OpenEntry {
    fn drop(&mut self) {
        self.update(|entry| entry.ended = true);
    }
}
