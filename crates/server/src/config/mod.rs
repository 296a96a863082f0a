//! The configuration: the sum of small documented parts, each owned by the code it configures.
//!
//! Later wins: defaults, the TOML file, environment variables (`TOLLGATE_` + the path of the key in capitals, `__` between
//! its parts: `TOLLGATE_DATABASE__URL`), flags. A key that nobody reads is an error that names it and what is near, wherever it stands:
//! a typing error in a limit must not silently leave the default in force.

mod database;
mod document;
mod keys;
mod layers;
mod leases;
mod suggest;

use std::{
    net::SocketAddr,
    path::{Path, PathBuf},
};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};
use tollgate_admin::AdminConfig;
use tollgate_gateway::GatewayConfig;
use tollgate_metering::{AnalyticsConfig, SpoolConfig, audit::AuditConfig};

use crate::{cli::GlobalArgs, logging};

pub use database::DatabaseConfig;
pub use layers::ConfigError;
pub use leases::LeaseConfig;

/// Where clients find a gateway of which nothing else was said.
const DEFAULT_LISTEN: &str = "127.0.0.1:8080";
/// Beside the work of whoever tries it out.
const DEFAULT_DATA_DIR: &str = ".tollgate";
/// What the end of a request may take in the spool. A usual one takes half of it; the longest texts that are kept make it ten times as
/// much, in a request or two of thousands.
const ROOM_PER_REQUEST_BYTES: u64 = 1024;
/// The migration library repeats on each start that there is nothing to do.
const DEFAULT_LOG_FILTER: &str = "info,refinery_core=warn";

/// Everything that can be configured.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on. Port 0 takes a free one; the bound address is written to `listen.addr` in the data directory.
    pub listen: String,
    /// Directory of the private database, the master key and the state of a running server. One server at a time has it.
    pub data_dir: PathBuf,
    /// File of the master key (64 hexadecimal digits, mode 0600). It protects API keys, upstream credentials and the books against
    /// tampering; all gateways of one database share it. Empty: `master.key` in the data directory, made when it is not there.
    #[serde(serialize_with = "path_or_empty")]
    #[schemars(with = "String")]
    pub master_key_file: Option<PathBuf>,
    /// The database.
    pub database: DatabaseConfig,
    /// The gateway: limits and time-outs of requests.
    pub gateway: GatewayConfig,
    /// The management API, on a listener of its own.
    pub admin: AdminConfig,
    /// The durable queue between the gateway and the books, in the data directory.
    pub spool: SpoolConfig,
    /// The batcher that enters records into the books.
    pub analytics: AnalyticsConfig,
    /// What a gateway may spend of a user's credits without asking the database.
    pub leases: LeaseConfig,
    /// The audit of what is new, beside a running server.
    pub audit: AuditConfig,
    /// The log, on stderr.
    pub log: LogConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: DEFAULT_LISTEN.to_owned(),
            data_dir: PathBuf::from(DEFAULT_DATA_DIR),
            master_key_file: None,
            database: DatabaseConfig::default(),
            gateway: GatewayConfig::default(),
            admin: AdminConfig::default(),
            spool: SpoolConfig::default(),
            analytics: AnalyticsConfig::default(),
            leases: LeaseConfig::default(),
            audit: AuditConfig::default(),
            log: LogConfig::default(),
        }
    }
}

/// The log, on stderr.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogConfig {
    /// What is logged: a level (error, warn, info, debug), or levels by module such as `info,tollgate_metering=debug`.
    pub filter: String,
    /// `text` for people, `json` for log collectors (one object a line).
    pub format: LogFormat,
}

impl Default for LogConfig {
    fn default() -> Self {
        Self { filter: DEFAULT_LOG_FILTER.to_owned(), format: LogFormat::Text }
    }
}

/// How log lines are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl Config {
    /// The effective configuration of a command: file, environment of this process, then flags.
    pub fn load(global: &GlobalArgs, listen: Option<&str>) -> Result<Self, ConfigError> {
        let mut config =
            layers::load(global.config.as_deref(), layers::process_environment(std::env::vars_os()))?;
        if let Some(data_dir) = &global.data_dir {
            config.data_dir.clone_from(data_dir);
        }
        if let Some(listen) = listen {
            listen.clone_into(&mut config.listen);
        }
        config.check()?;
        Ok(config)
    }

    /// Refuses what has the right type and makes no sense, before anything is started with it.
    fn check(&self) -> Result<(), ConfigError> {
        if !is_address(&self.listen) {
            return Err(ConfigError::Invalid(format!(
                "`listen` is `{}`; write an address and a port, such as {DEFAULT_LISTEN}, or 0.0.0.0:8080 for every \
                 interface",
                self.listen
            )));
        }
        let admin = &self.admin.listen;
        if !admin.is_empty() && !self.admin.is_off() && !is_address(admin) {
            return Err(ConfigError::Invalid(format!(
                "`admin.listen` is `{admin}`; write an address and a port, such as {}, or `off`",
                tollgate_admin::DEFAULT_LISTEN
            )));
        }
        self.admin.check().map_err(ConfigError::Invalid)?;
        logging::filter(&self.log.filter).map_err(|error| ConfigError::Invalid(error.to_string()))?;
        self.spool
            .validate()
            .and_then(|()| self.analytics.validate())
            .map_err(|error| ConfigError::Invalid(error.to_string()))?;
        self.leases.validate()?;
        self.database.validate()?;
        self.check_room()
    }

    /// What was admitted must fit into the spool, also when it is so full that nothing more is admitted.
    fn check_room(&self) -> Result<(), ConfigError> {
        let room = self.spool.room_for_admitted_bytes();
        let most = room / ROOM_PER_REQUEST_BYTES;
        if u64::from(self.gateway.max_in_flight) > most {
            return Err(ConfigError::Invalid(format!(
                "gateway.max_in_flight is {}, and the spool keeps room for {most} requests that are in flight: raise \
                 spool.size_limit_bytes or spool.reserve_bytes, or admit fewer",
                self.gateway.max_in_flight
            )));
        }
        Ok(())
    }

    /// The file of the master key.
    pub fn master_key_path(&self) -> PathBuf {
        self.master_key_file
            .as_deref()
            .filter(|path| !path.as_os_str().is_empty())
            .map_or_else(|| self.data_dir.join("master.key"), Path::to_path_buf)
    }

    /// As TOML with the documentation of every key; passwords are left out.
    pub fn documented(&self) -> Result<String, ConfigError> {
        document::documented(self)
    }
}

/// `127.0.0.1:8080`, `[::1]:8080` or `name:8080`. Whether the name is known is seen when we listen.
fn is_address(text: &str) -> bool {
    let is_name_and_port = || {
        text.rsplit_once(':').is_some_and(|(host, port)| {
            !host.is_empty() && !host.contains([':', '/', ' ']) && port.parse::<u16>().is_ok()
        })
    };
    text.parse::<SocketAddr>().is_ok() || is_name_and_port()
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn path_or_empty<S: Serializer>(path: &Option<PathBuf>, serializer: S) -> Result<S::Ok, S::Error> {
    path.as_deref().unwrap_or(Path::new("")).serialize(serializer)
}

#[cfg(test)]
mod tests;
