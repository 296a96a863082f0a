//! The `tollgate` binary.

use std::process::ExitCode;

/// A request takes and gives back about two hundred pieces of memory, many of them on another thread than they were taken on
/// (docs/decisions/0011).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    tollgate_server::main()
}
