#![doc = include_str!("../README.md")]

mod app;
pub mod cli;
mod clock;
mod commands;
pub mod config;
mod data_dir;
mod database;
mod descriptors;
mod explain;
mod logging;
mod master_key;
pub mod output;
mod webhook;

use std::{process::ExitCode, sync::Arc, time::Duration};

use anyhow::Context;
use clap::Parser;
use serde_json::json;
use tokio::signal::unix::{SignalKind, signal};

pub use app::{App, RunningApp};
pub use clock::SystemClock;
pub use explain::explain;

use crate::{
    cli::{Cli, Command, SpoolCommand},
    commands::Session,
    config::Config,
    database::Purpose,
    output::Answer,
};

/// The program: reads the command line, runs one command, and says how it went.
pub fn main() -> ExitCode {
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

/// How long threads that block may take to end when everything else has.
const RUNTIME_PATIENCE: Duration = Duration::from_secs(5);

/// The licenses of the crates that are within the program. `cargo run -p xtask -- licenses` writes them, `cargo ci` compares them.
const THIRD_PARTY_NOTICES: &str = include_str!("../third-party-notices.txt");

/// Runs one command. Its answer is `None` where the command has said all it had to say while it ran.
pub fn run(cli: Cli) -> anyhow::Result<Option<Answer>> {
    if matches!(cli.command, Command::Licenses) {
        return Ok(Some(Answer::new(&THIRD_PARTY_NOTICES, THIRD_PARTY_NOTICES)?));
    }
    let listen = if let Command::Serve(args) = &cli.command { args.listen.as_deref() } else { None };
    let config = Config::load(&cli.global, listen)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the asynchronous runtime could not be started")?;
    match cli.command {
        Command::Config => Ok(Some(Answer::new(&config, config.documented()?)?)),
        Command::Serve(_) => {
            logging::for_serving(&config.log)?;
            descriptors::raise_limit(&config.gateway);
            let served = runtime.block_on(serve(config, cli.global.json));
            // Whatever still waits for a disk that does not answer is not waited for.
            runtime.shutdown_timeout(RUNTIME_PATIENCE);
            served.map(|()| None)
        }
        Command::Spool(command) if !matches!(command, SpoolCommand::Replay { .. }) => {
            logging::for_command(&config.log)?;
            commands::spool::look(&config, &command).map(Some)
        }
        Command::Health { ready } => runtime.block_on(commands::health::answer(&config, ready)).map(Some),
        command => {
            logging::for_command(&config.log)?;
            runtime.block_on(on_a_database(config, command)).map(Some)
        }
    }
}

/// Serves until SIGTERM or SIGINT; the second one cuts off what the first one lets end.
async fn serve(config: Config, json: bool) -> anyhow::Result<()> {
    // Before anything is started: a signal on the way must find somebody who stops what there is.
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut signalled = async || {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    let data_dir = config.data_dir.clone();
    let app = tokio::select! {
        app = App::start(config, Arc::new(SystemClock)) => app?,
        // What was started so far ends with its owner.
        () = signalled() => anyhow::bail!("stopped by a signal before it served"),
    };
    let url = format!("http://{}", app.address());
    let admin = app.admin_address().map(|address| format!("http://{address}/admin/api/v1/docs"));
    let ready = json!({
        "url": url, "listen": app.address().to_string(), "admin": admin, "pid": std::process::id()
    });
    let mut text = format!("Tollgate serves on {url} (data in {})", data_dir.display());
    if let Some(admin) = admin {
        text = format!("{text}\nIt is managed on {admin}");
    }
    Answer::new(&ready, text)?.print(json)?;
    app.run_until(signalled).await
}

/// Runs a command on a database that is stopped afterwards if it was started for this command.
async fn on_a_database(config: Config, command: Command) -> anyhow::Result<Answer> {
    let purpose = if matches!(command, Command::Migrate) { Purpose::Migrate } else { Purpose::Manage };
    let session = Session::open(config, purpose).await?;
    let answer = commands::answer(&session, command).await;
    let closed = session.close().await;
    let answer = answer?;
    closed?;
    Ok(answer)
}
