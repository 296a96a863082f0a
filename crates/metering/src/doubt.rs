//! A commit that was not answered: whether it happened is seen by the next try, which finds its rows in the books, or writes them.
//!
//! What it wrote is kept until then, so that it is counted once: by what found it, as if it had been answered.

use crate::write::Written;

/// What the tries of one batch left in doubt.
#[derive(Debug, Default)]
pub(crate) struct Doubt {
    /// What the last try that came to its end wrote, where nobody knows whether it is there.
    open: Option<Written>,
    /// What tries without an answer wrote, and turned out to be there.
    found: Vec<Written>,
}

impl Doubt {
    /// A try that wrote this was not answered.
    pub(crate) fn leave(&mut self, written: Written) {
        self.look(&written);
        self.open = Some(written);
    }

    /// What is to be counted for all tries, now that one was answered.
    pub(crate) fn conclude(mut self, written: &mut Written) {
        self.look(written);
        for found in self.found {
            written.inserted = written.inserted.saturating_add(found.inserted);
            written.unrated = written.unrated.saturating_add(found.unrated);
            written.quarantined = written.quarantined.saturating_add(found.quarantined);
            // One that is past the range of the books is in none.
            written.charged = written.charged.checked_add(found.charged).unwrap_or(written.charged);
            written.balances.extend(found.balances);
            written.skipped.retain(|index| found.skipped.binary_search(index).is_ok());
        }
    }

    /// A later try wrote this. A transaction is there as a whole or not at all: the later one skipped all of its rows, or what it skipped was
    /// there before.
    fn look(&mut self, later: &Written) {
        let Some(before) = self.open.take() else { return };
        let skipped = later.skipped.iter().filter(|index| before.skipped.binary_search(index).is_err());
        let has_rows = before.inserted > 0 && skipped.count() as u64 == before.inserted;
        let has_refused = before.quarantined > 0 && later.quarantined == 0;
        if has_rows || has_refused {
            self.found.push(before);
        }
    }
}

#[cfg(test)]
mod tests;
