//! How one connection is opened, for the pool or outside of it: host after host, none of which can hold up the next.
//!
//! The driver's own limit ends with the TCP connection. A server that is stopped, or a host that hangs, takes the connection and then says
//! nothing, so here the limit covers everything up to the first prompt.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use deadpool_postgres::{Connect, PoolError, TimeoutType};
use rand::seq::SliceRandom;
use secrecy::ExposeSecret;
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, LoadBalanceHosts, TargetSessionAttrs};
use tokio_postgres::tls::{MakeTlsConnect, NoTlsStream};
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Error, NoTls, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::connection::{
    ADDRESS_TIMEOUT, CONNECT_TIMEOUT, IDLE_IN_TRANSACTION_TIMEOUT, KEEPALIVE_IDLE, KEEPALIVE_INTERVAL,
    KEEPALIVE_RETRIES, Plans, STATEMENT_TIMEOUT, TCP_USER_TIMEOUT,
};
use crate::{StoreConfig, StoreError, notify, tls};

type TlsStream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;

/// What a connection opens with, and how.
pub(crate) struct Connector {
    /// One per host of the URL, in its order.
    hosts: Vec<Config>,
    is_random: bool,
    tls: Option<MakeRustlsConnect>,
    plans: Plans,
}

/// An open connection that is not driven yet.
enum Line {
    Plain(Box<Connection<Socket, NoTlsStream>>),
    Tls(Box<Connection<Socket, TlsStream>>),
}

/// Whether the server shall end what takes too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Limits {
    /// Statements and idle transactions end after a while.
    Server,
    /// They do not.
    None,
}

impl Connector {
    pub(crate) fn new(config: &StoreConfig) -> Result<Self, StoreError> {
        let (url, tls) = tls::from_url(config.url.expose_secret())?;
        // The parser's message names the faulty part and never quotes the password.
        let mut parsed: Config = url.parse().map_err(|error: Error| {
            StoreError::Config(format!(
                "database.url cannot be read ({}); write it like postgres://user:password@host:5432/database",
                std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string)
            ))
        })?;
        parsed
            .application_name(&config.application_name)
            .connect_timeout(ADDRESS_TIMEOUT)
            .tcp_user_timeout(TCP_USER_TIMEOUT)
            .keepalives_idle(KEEPALIVE_IDLE)
            .keepalives_interval(KEEPALIVE_INTERVAL)
            .keepalives_retries(KEEPALIVE_RETRIES);
        let is_random = parsed.get_load_balance_hosts() == LoadBalanceHosts::Random;
        Ok(Self { hosts: each_host(parsed), is_random, tls, plans: config.plans })
    }

    /// How long all hosts together may take.
    pub(crate) fn patience(&self) -> Duration {
        CONNECT_TIMEOUT.saturating_mul(u32::try_from(self.hosts.len().max(1)).unwrap_or(1))
    }

    /// One connection outside the pool. `on_message` hears what the server says unasked: notifications and notices.
    pub(crate) async fn open(
        &self,
        limits: Limits,
        on_message: impl FnMut(AsyncMessage) + Send + 'static,
    ) -> Result<Client, StoreError> {
        match tokio::time::timeout(self.patience(), self.connect(limits, on_message)).await {
            Ok(connected) => Ok(connected?.0),
            Err(_) => Err(StoreError::Connect(Box::new(PoolError::Timeout(TimeoutType::Create)))),
        }
    }

    /// To the first host that takes us. The last one has no limit here: whoever calls has one for all.
    async fn connect(
        &self,
        limits: Limits,
        on_message: impl FnMut(AsyncMessage) + Send + 'static,
    ) -> Result<(Client, JoinHandle<()>), Error> {
        let mut hosts: Vec<&Config> = self.hosts.iter().collect();
        if self.is_random {
            hosts.shuffle(&mut rand::rng());
        }
        let last = hosts.pop();
        for host in hosts {
            match tokio::time::timeout(CONNECT_TIMEOUT, self.connect_to(host, limits)).await {
                Ok(Ok((client, line))) => return Ok((client, line.drive(on_message))),
                Ok(Err(error)) => tracing::debug!(%error, "a database host did not take us; trying the next"),
                Err(_) => tracing::debug!("a database host did not answer; trying the next"),
            }
        }
        let none = Config::new();
        let (client, line) = self.connect_to(last.unwrap_or(&none), limits).await?;
        Ok((client, line.drive(on_message)))
    }

    async fn connect_to(&self, host: &Config, limits: Limits) -> Result<(Client, Line), Error> {
        let config = match limits {
            Limits::Server => bounded(host, self.plans),
            Limits::None => host.clone(),
        };
        if let Some(tls) = &self.tls {
            let (client, connection) = config.connect(tls.clone()).await?;
            Ok((client, Line::Tls(Box::new(connection))))
        } else {
            let (client, connection) = config.connect(NoTls).await?;
            Ok((client, Line::Plain(Box::new(connection))))
        }
    }
}

impl Line {
    fn drive(self, on_message: impl FnMut(AsyncMessage) + Send + 'static) -> JoinHandle<()> {
        match self {
            Self::Plain(connection) => tokio::spawn(notify::drive(*connection, on_message)),
            Self::Tls(connection) => tokio::spawn(notify::drive(*connection, on_message)),
        }
    }
}

/// A statement that is a transaction of its own happens whether or not somebody still waits for it. So while it waits for a lock, the server looks whether
/// we are there, where it can (not on Windows).
const CHECK_CLIENT: &str = "select set_config('client_connection_check_interval', '500ms', false) where version() ~* 'linux|darwin|bsd'";

/// Opens what the pool holds.
pub(crate) struct ForPool(pub(crate) Arc<Connector>);

impl Connect for ForPool {
    fn connect(
        &self,
        _: &Config,
    ) -> Pin<Box<dyn Future<Output = Result<(Client, JoinHandle<()>), Error>> + Send + '_>> {
        Box::pin(async {
            let (client, line) = self.0.connect(Limits::Server, |_| ()).await?;
            client.batch_execute(CHECK_CLIENT).await?;
            Ok((client, line))
        })
    }
}

/// The settings with the server's own time limits and with the plans that were asked for.
fn bounded(config: &Config, plans: Plans) -> Config {
    let mut config = config.clone();
    let plans = match plans {
        Plans::Once => "force_generic_plan",
        Plans::Auto => "auto",
    };
    let limits = format!(
        "{} -c statement_timeout={} -c idle_in_transaction_session_timeout={} -c plan_cache_mode={plans}",
        config.get_options().unwrap_or_default(),
        STATEMENT_TIMEOUT.as_millis(),
        IDLE_IN_TRANSACTION_TIMEOUT.as_millis()
    );
    config.options(limits.trim_start());
    config
}

/// The settings, once per host. Of several hosts only the one that takes writes is of use, unless the URL says otherwise.
fn each_host(all: Config) -> Vec<Config> {
    let (hosts, addresses, ports) = (all.get_hosts(), all.get_hostaddrs(), all.get_ports());
    let count = hosts.len().max(addresses.len());
    let fits = |length: usize| length <= 1 || length == count;
    if count < 2 || !(fits(ports.len()) && (hosts.is_empty() || fits(hosts.len()))) {
        // What does not fit together the driver refuses, in its own words.
        return vec![all];
    }
    let one = |index: usize| {
        let mut config = without_host(&all);
        match hosts.get(index) {
            Some(Host::Tcp(name)) => drop(config.host(name)),
            Some(Host::Unix(path)) => drop(config.host_path(path)),
            None => {}
        }
        if let Some(address) = addresses.get(index) {
            config.hostaddr(*address);
        }
        if let Some(port) = ports.get(index).or(ports.first()) {
            config.port(*port);
        }
        config
    };
    (0..count).map(one).collect()
}

/// Everything but where it leads: the driver has no way to take a host out.
fn without_host(all: &Config) -> Config {
    let mut config = Config::new();
    if let Some(user) = all.get_user() {
        config.user(user);
    }
    if let Some(password) = all.get_password() {
        config.password(password);
    }
    if let Some(name) = all.get_dbname() {
        config.dbname(name);
    }
    if let Some(options) = all.get_options() {
        config.options(options);
    }
    if let Some(name) = all.get_application_name() {
        config.application_name(name);
    }
    if let Some(limit) = all.get_connect_timeout() {
        config.connect_timeout(*limit);
    }
    if let Some(limit) = all.get_tcp_user_timeout() {
        config.tcp_user_timeout(*limit);
    }
    if let Some(interval) = all.get_keepalives_interval() {
        config.keepalives_interval(interval);
    }
    if let Some(retries) = all.get_keepalives_retries() {
        config.keepalives_retries(retries);
    }
    config
        .keepalives(all.get_keepalives())
        .keepalives_idle(all.get_keepalives_idle())
        .ssl_mode(all.get_ssl_mode())
        .ssl_negotiation(all.get_ssl_negotiation())
        .channel_binding(all.get_channel_binding())
        .load_balance_hosts(all.get_load_balance_hosts())
        .target_session_attrs(match all.get_target_session_attrs() {
            TargetSessionAttrs::Any => TargetSessionAttrs::ReadWrite,
            stated => stated,
        });
    config
}

#[cfg(test)]
mod tests;
