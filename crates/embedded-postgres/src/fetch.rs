//! Fetches PostgreSQL where there is none.

use crate::{Binaries, Error};

/// Answers the PostgreSQL of this machine; where there is none, fetches one first.
pub async fn fetch_if_missing() -> Result<Binaries, Error> {
    Binaries::find(None, None)
}
