//! Finds the recorded exchanges and traces, which are not part of the repository.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The directory `shared` beside the repository (or `TOLLGATE_SHARED`), with the recorded provider responses and
/// the request trace; `None` where it is absent. Tests that need it then say so and pass.
pub fn shared_dir() -> Option<PathBuf> {
    let named = env::var_os("TOLLGATE_SHARED").map(PathBuf::from);
    let start = env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from).or_else(|| env::current_dir().ok());
    named.or_else(|| beside_an_ancestor(&start?)).filter(|directory| directory.is_dir())
}

fn beside_an_ancestor(start: &Path) -> Option<PathBuf> {
    // The repository's root is the highest directory on the way up with a Cargo.lock.
    let root = start.ancestors().filter(|directory| directory.join("Cargo.lock").is_file()).last()?;
    Some(root.parent()?.join("shared"))
}
