//! The limit of open file descriptors, which thousands of connections need.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Raises our limit, and so that of the programs we start, as far as it goes; says so where that is less than `needed`.
pub(crate) fn raise_descriptors(needed: u64) {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }) {
        println!("   the limit of open files could not be raised: {error}");
    }
    // No limit at all is enough.
    if let Some(current) = getrlimit(Resource::Nofile).current
        && current < needed
    {
        println!(
            "   open files are limited to {current}, and this needs about {needed}: expect failures, or raise the hard limit \
             (`ulimit -Hn`) and try again"
        );
    }
}
