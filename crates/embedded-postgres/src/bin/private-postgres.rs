//! `private-postgres DATA_DIR` runs a private server until it is interrupted, and prints its URL.

use std::io::Write;

use tollgate_embedded_postgres::{EmbeddedPostgres, Options, fetch};

#[tokio::main]
async fn main() -> std::process::ExitCode {
    match run().await {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("private-postgres: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<(), Box<dyn std::error::Error>> {
    let data_dir = std::env::args_os().nth(1).ok_or("usage: private-postgres DATA_DIR")?;
    fetch::fetch_if_missing().await?;
    let server = EmbeddedPostgres::start(Options::new(data_dir)).await?;
    writeln!(std::io::stdout(), "{}", server.connection_string())?;
    tokio::signal::ctrl_c().await?;
    Ok(server.stop().await?)
}
