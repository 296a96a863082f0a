//! The log, on stderr: stdout belongs to answers.

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

/// What commands log: they answer on stdout, and only trouble is worth a line beside that.
const QUIET: &str = "warn";

/// Sets up the log of a server.
pub(crate) fn for_serving(config: &LogConfig) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&config.filter)
        .with_context(|| format!("`log.filter` is not valid: `{}`", config.filter))?;
    set(filter, config.format)
}

/// Sets up the log of a command: quiet, unless the configuration asks for more than the default.
pub(crate) fn for_command(config: &LogConfig) -> anyhow::Result<()> {
    let is_default = config.filter == LogConfig::default().filter;
    let filter = if is_default { QUIET } else { config.filter.as_str() };
    set(EnvFilter::try_new(filter).context("`log.filter` is not valid")?, config.format)
}

fn set(filter: EnvFilter, format: LogFormat) -> anyhow::Result<()> {
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("the log could not be set up: {error}"))
}
