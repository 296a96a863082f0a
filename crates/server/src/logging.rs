//! The log, on stderr: stdout belongs to answers.

use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogConfig, LogFormat};

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
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let set = match format {
        LogFormat::Text => builder.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).try_init(),
        LogFormat::Json => builder.json().flatten_event(true).try_init(),
    };
    set.map_err(|error| anyhow::anyhow!("the log could not be set up: {error}"))
}
