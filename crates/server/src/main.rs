//! The `tollgate` binary: reads the command line, runs one command, and says how it went.

use std::process::ExitCode;

use clap::Parser;
use tollgate_server::{cli::Cli, explain, run};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let json = cli.global.json;
    let done = run(cli).and_then(|answer| {
        let Some(answer) = answer else { return Ok(false) };
        answer.print(json)?;
        Ok(answer.is_finding)
    });
    match done {
        Ok(false) => ExitCode::SUCCESS,
        Ok(true) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("error: {}", explain(&error));
            ExitCode::FAILURE
        }
    }
}
