//! Interning of what repeats: from texts to a small integer, written ahead and remembered for as long as the server that gave the
//! integer answers.
//!
//! What the table has is read once, by fingerprint: a batcher that starts meets hundreds of combinations that were numbered before it
//! started, and to ask for each as it comes would be a transaction beside almost every small flush.

use std::collections::HashMap;

use foldhash::fast::RandomState;
use parking_lot::Mutex;
use tollgate_domain::RecordDigest;
use tollgate_store::usage_dimensions::{self, Dimensions};
use tollgate_store::{ServerRun, Store, StoreError};

use crate::digest::{DimensionsRef, RecordKeys};

/// Most combinations before client-controlled texts become [`OTHER`]. A busy installation has hundreds; only somebody who sends
/// a new `User-Agent` with each request comes here. 65,536 rows are 20 MB, here and there.
pub(crate) const MAX_COMBINATIONS: usize = 65_536;
/// What a client-controlled text becomes past the cap.
pub const OTHER: &str = "other";

/// Numbers of the combinations seen so far.
#[derive(Debug)]
pub(crate) struct Interner {
    cap: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// Who gave the numbers. A standby that was promoted may never have had them, and give them to others.
    server: ServerRun,
    numbers: HashMap<Box<[u8]>, i32, RandomState>,
    /// The numbers that the table had when it was read; `None` before that.
    by_fingerprint: Option<HashMap<RecordDigest, i32>>,
    /// How many combinations the table held when last asked.
    in_table: usize,
}

/// Combinations of one batch that have no number yet.
#[derive(Debug)]
pub(crate) struct Unnumbered {
    server: ServerRun,
    combinations: HashMap<Box<[u8]>, (Dimensions, Vec<usize>), RandomState>,
}

impl Unnumbered {
    /// None yet, for rows that are to be written on `server`.
    pub(crate) fn on(server: ServerRun) -> Self {
        Self { server, combinations: HashMap::default() }
    }
}

impl State {
    fn number(&self, server: ServerRun, encoded: &[u8]) -> Option<i32> {
        self.numbers.get(encoded).copied().filter(|_| self.server == server)
    }

    /// The numbers of all of them, or `None`: the database must be asked.
    fn read_before(&self, server: ServerRun, wanted: &[(RecordDigest, &Dimensions)]) -> Option<Vec<i32>> {
        let known = self.by_fingerprint.as_ref().filter(|_| self.server == server)?;
        wanted.iter().map(|(fingerprint, _)| known.get(fingerprint).copied()).collect()
    }
}

impl Interner {
    pub(crate) fn new(cap: usize) -> Self {
        Self { cap, state: Mutex::default() }
    }

    /// The number of the combination, or `None` when it has been noted in `unnumbered` for the row at `index`.
    pub(crate) fn number(
        &self,
        dimensions: &DimensionsRef<'_>,
        knows_model: bool,
        index: usize,
        unnumbered: &mut Unnumbered,
        scratch: &mut Vec<u8>,
    ) -> Option<i32> {
        dimensions.encode(scratch);
        let state = self.state.lock();
        if let Some(number) = state.number(unnumbered.server, scratch) {
            return Some(number);
        }
        if let Some((_, indexes)) = unnumbered.combinations.get_mut(scratch.as_slice()) {
            indexes.push(index);
            return None;
        }
        let collapsed;
        let mut dimensions = dimensions;
        if state.in_table.saturating_add(unnumbered.combinations.len()) >= self.cap {
            collapsed = collapse(dimensions, knows_model);
            dimensions = &collapsed;
            dimensions.encode(scratch);
            if let Some(number) = state.number(unnumbered.server, scratch) {
                return Some(number);
            }
        }
        unnumbered
            .combinations
            .entry(scratch.as_slice().into())
            .or_insert_with(|| (dimensions.stored(), Vec::new()))
            .1
            .push(index);
        None
    }

    /// Numbers them, in a transaction of its own where they are not known, and calls `found` for each row that waited.
    pub(crate) async fn assign(
        &self,
        store: &Store,
        keys: &RecordKeys,
        unnumbered: Unnumbered,
        mut found: impl FnMut(usize, i32),
    ) -> Result<(), StoreError> {
        if unnumbered.combinations.is_empty() {
            return Ok(());
        }
        let combinations: Vec<_> = unnumbered.combinations.into_iter().collect();
        let wanted: Vec<(RecordDigest, &Dimensions)> = combinations
            .iter()
            .map(|(encoded, (dimensions, _))| (keys.fingerprint(encoded), dimensions))
            .collect();
        let known = self.state.lock().read_before(unnumbered.server, &wanted);
        let (numbers, given_by) = match known {
            Some(numbers) => (numbers, unnumbered.server),
            None => self.ask(store, unnumbered.server, &wanted).await?,
        };
        let mut state = self.state.lock();
        let is_theirs = state.server == given_by;
        for ((encoded, (_, indexes)), number) in combinations.into_iter().zip(numbers) {
            for index in indexes {
                found(index, number);
            }
            if is_theirs {
                state.numbers.insert(encoded, number);
            }
        }
        Ok(())
    }

    /// Has them numbered, and says by which server; reads the whole table where it was not read on this one yet.
    async fn ask(
        &self,
        store: &Store,
        server: ServerRun,
        wanted: &[(RecordDigest, &Dimensions)],
    ) -> Result<(Vec<i32>, ServerRun), StoreError> {
        let is_read = {
            let state = self.state.lock();
            state.server == server && state.by_fingerprint.is_some()
        };
        let (numbers, in_table, table, given_by) = store
            .tx("intern_dimensions", async |tx| {
                let numbers = usage_dimensions::intern(&tx, wanted).await?;
                let table = if is_read { None } else { Some(usage_dimensions::numbers(&tx).await?) };
                Ok((numbers, usage_dimensions::count(&tx).await?, table, tx.server()))
            })
            .await?;
        let mut state = self.state.lock();
        if state.server != given_by {
            *state = State { server: given_by, ..State::default() };
        }
        state.in_table = usize::try_from(in_table).unwrap_or(usize::MAX);
        state.by_fingerprint = table.or(state.by_fingerprint.take());
        Ok((numbers, given_by))
    }
}

/// Without what a client can make up. The completion window stays: only trusted keys set it, and it decides the price.
fn collapse<'a>(dimensions: &DimensionsRef<'a>, knows_model: bool) -> DimensionsRef<'a> {
    let other = |text: Option<&str>| text.map(|_| OTHER);
    DimensionsRef {
        request_model: if knows_model { dimensions.request_model } else { other(dimensions.request_model) },
        response_model: other(dimensions.response_model),
        finish_reason: other(dimensions.finish_reason),
        user_agent: other(dimensions.user_agent),
        batch_request_source: other(dimensions.batch_request_source),
        ..*dimensions
    }
}

#[cfg(test)]
mod tests;
