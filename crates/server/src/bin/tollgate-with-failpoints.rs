//! `tollgate` as crash tests run it: the same program, built with the points at which it can be told to end
//! (`FAILPOINT`, see the crate `tollgate-failpoints`).

use std::process::ExitCode;

/// A request takes and gives back about two hundred pieces of memory, many of them on another thread than they were taken on
/// (docs/decisions/0011).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tollgate_server::main()
}
