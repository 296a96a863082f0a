//! The log, on stderr: stdout belongs to answers. No setting makes it repeat what is in a statement to the database.

use tracing::{Level, Metadata, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer,
    filter::{FilterExt, filter_fn},
    fmt,
    layer::{Filter, SubscriberExt},
    util::SubscriberInitExt,
};

use crate::config::{LogConfig, LogFormat};

/// Of the client's modules.
const POSTGRES_CLIENT: &str = "tokio_postgres";

/// What commands log: they answer on stdout, and only trouble is worth a line beside that.
const QUIET: &str = "warn";

/// Sets up the log of a server.
pub(crate) fn for_serving(config: &LogConfig) -> anyhow::Result<()> {
    set(filter(&config.filter)?, config.format)
}

/// Sets up the log of a command: quiet, unless the configuration asks for more than the default.
pub(crate) fn for_command(config: &LogConfig) -> anyhow::Result<()> {
    let is_default = config.filter == LogConfig::default().filter;
    set(filter(if is_default { QUIET } else { &config.filter })?, config.format)
}

/// What `log.filter` says.
pub(crate) fn filter(text: &str) -> anyhow::Result<EnvFilter> {
    EnvFilter::try_new(text).map_err(|error| {
        anyhow::anyhow!(
            "`log.filter` is `{text}` ({error}); write a level (error, warn, info, debug, trace), or levels by module \
             such as info,tollgate_metering=debug"
        )
    })
}

fn set(filter: EnvFilter, format: LogFormat) -> anyhow::Result<()> {
    let lines = fmt::layer().with_writer(std::io::stderr);
    let set = match format {
        LogFormat::Text => {
            let lines = lines.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()));
            tracing_subscriber::registry().with(lines.with_filter(without_values(filter))).try_init()
        }
        LogFormat::Json => {
            let lines = lines.json().flatten_event(true);
            tracing_subscriber::registry().with(lines.with_filter(without_values(filter))).try_init()
        }
    };
    set.map_err(|error| anyhow::anyhow!("the log could not be set up: {error}"))
}

/// What `filter` lets through, but for what repeats values: below `info` the client of PostgreSQL logs each statement with its parameters, which are what
/// people typed, digests of their sessions, and sealed credentials. No `log.filter` asks for that.
fn without_values<S>(filter: EnvFilter) -> impl Filter<S> {
    let is_kept =
        |said: &Metadata<'_>| *said.level() <= Level::INFO || !said.target().starts_with(POSTGRES_CLIENT);
    filter.and(filter_fn(is_kept).with_max_level_hint(LevelFilter::TRACE))
}

#[cfg(test)]
mod tests;
