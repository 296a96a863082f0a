//! `tollgate` as crash tests run it: the same program, built with the points at which it can be told to end
//! (`FAILPOINT`, see the crate `tollgate-failpoints`).

use std::process::ExitCode;

fn main() -> ExitCode {
    tollgate_server::main()
}
