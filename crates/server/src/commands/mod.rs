//! The commands on a database, one file per noun.

mod audit;
mod cost;
mod credit;
mod endpoint;
pub(crate) mod health;
mod key;
mod limit;
mod migrate;
mod model;
mod quarantine;
mod report;
mod session;
pub(crate) mod spool;
mod tariff;
mod user;
mod webhook;

use crate::{
    cli::{Command, SpoolCommand},
    output::Answer,
};

pub(crate) use session::{Session, load_master_key};

/// Who changes are attributed to in the audit log.
const ACTOR: &str = "cli";

/// Runs a command.
pub(crate) async fn answer(session: &Session, command: Command) -> anyhow::Result<Answer> {
    match command {
        Command::User(command) => user::answer(session, command).await,
        Command::Endpoint(command) => endpoint::answer(session, command).await,
        Command::Model(command) => model::answer(session, command).await,
        Command::Tariff(command) => tariff::answer(session, command).await,
        Command::Cost(command) => cost::answer(session, command).await,
        Command::Key(command) => key::answer(session, command).await,
        Command::Limit(command) => limit::answer(session, command).await,
        Command::Webhook(command) => webhook::answer(session, command).await,
        Command::Credit(command) => credit::answer(session, command).await,
        Command::Balance { user } => report::balance(session, user.as_deref()).await,
        Command::Ledger(args) => report::ledger(session, args).await,
        Command::Usage(args) => report::usage(session, args).await,
        Command::Quarantine(command) => quarantine::answer(session, command).await,
        Command::Audit(args) => audit::answer(session, args.noted_head).await,
        Command::Migrate => migrate::answer(session).await,
        Command::Spool(SpoolCommand::Replay { since }) => spool::replay(session, &since).await,
        Command::Spool(_)
        | Command::Serve(_)
        | Command::Health { .. }
        | Command::Config
        | Command::Licenses => {
            anyhow::bail!("this command needs no database")
        }
    }
}
