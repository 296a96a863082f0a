//! The commands of `tollgate`, as a table of contents: what may be asked, and who answers.
//!
//! Names and flags are relied upon by other tools; they do not change. Each command answers with one JSON value on stdout under
//! `--json`, and with a table for people otherwise; an error goes to stderr with an exit code other than zero.

mod audit;
pub mod cost;
mod instant;
pub mod limit;
mod prices;
pub(crate) mod tariff_file;
pub mod user;
pub mod webhook;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};
use jiff::Timestamp;
use tollgate_domain::{ApiKeyPurpose, Credits, PriceList, PricePerToken};
use tollgate_store::management::keys::PlatformRole;

pub use audit::AuditArgs;
pub use cost::{CostCommand, CostSetArgs};
pub(crate) use instant::parse_instant;
pub use limit::LimitCommand;
pub use prices::PriceArgs;
pub use user::UserCommand;
pub use webhook::WebhookCommand;

/// A metered gateway for LLM APIs whose books are right.
#[derive(Debug, Parser)]
#[command(name = "tollgate", version, propagate_version = true, max_term_width = 110)]
pub struct Cli {
    /// Settings that every command has.
    #[command(flatten)]
    pub global: GlobalArgs,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// Settings that every command has.
#[derive(Debug, Clone, Default, Args)]
pub struct GlobalArgs {
    /// Configuration file (TOML); `tollgate config` prints one with the documentation of every key.
    #[arg(long, global = true, value_name = "FILE", env = "TOLLGATE_CONFIG")]
    pub config: Option<PathBuf>,
    /// Where the private database, the master key and the state of a running server are [default: .tollgate].
    #[arg(long, global = true, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// Answer with one JSON value on stdout.
    #[arg(long, global = true)]
    pub json: bool,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the gateway.
    Serve(ServeArgs),
    /// Customers: who pays.
    #[command(subcommand)]
    User(UserCommand),
    /// Upstreams: where requests are forwarded to.
    #[command(subcommand)]
    Endpoint(EndpointCommand),
    /// Models: the names that clients ask for.
    #[command(subcommand)]
    Model(ModelCommand),
    /// Prices, versioned; history is never edited.
    #[command(subcommand)]
    Tariff(TariffCommand),
    /// What upstreams ask for models: for reports of margin, never part of the books.
    #[command(subcommand)]
    Cost(CostCommand),
    /// API keys.
    #[command(subcommand)]
    Key(KeyCommand),
    /// Limits and spend caps of keys, users and models.
    #[command(subcommand)]
    Limit(LimitCommand),
    /// Who is told when a balance is low, depleted, or refilled.
    #[command(subcommand)]
    Webhook(WebhookCommand),
    /// Give and take credits.
    #[command(subcommand)]
    Credit(CreditCommand),
    /// What users have left: the balance, what requests in flight hold of it, what is leased to gateways, and what is available.
    Balance {
        /// Name or id of the user; all of them where it is left out.
        user: Option<String>,
    },
    /// A user's ledger, newest entry first.
    Ledger(LedgerArgs),
    /// Requests, tokens and charges, summed.
    Usage(UsageArgs),
    /// Records that the books refused.
    #[command(subcommand)]
    Quarantine(QuarantineCommand),
    /// The durable queue in front of the books. These commands want the server stopped; while it runs, `/metrics` tells of its spool.
    #[command(subcommand)]
    Spool(SpoolCommand),
    /// Prove that the books are right; the exit code is 1 when they are not.
    Audit(AuditArgs),
    /// Bring the database's schema up to date, as the owner of it. A server does so by itself where its role may.
    Migrate,
    /// Ask the server that runs with this data directory how it is; the exit code is 1 when it is not alive. For health checks of containers.
    Health {
        /// Ask whether it should get traffic, not only whether it is alive.
        #[arg(long)]
        ready: bool,
    },
    /// Print the effective configuration, with the documentation of every key; secrets are left out.
    Config,
    /// Print what others made and is within the program, and under which licenses.
    Licenses,
}

/// `tollgate serve`.
#[derive(Debug, Clone, Default, Args)]
pub struct ServeArgs {
    /// Address to listen on; port 0 takes a free one [default: 127.0.0.1:8080].
    #[arg(long, value_name = "ADDR")]
    pub listen: Option<String>,
}

/// How an upstream wants its credential.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum AuthStyleArg {
    /// `Authorization: Bearer …` (OpenAI and most others).
    Bearer,
    /// `x-api-key` (Anthropic).
    XApiKey,
    /// `api-key` (Azure).
    ApiKey,
    /// `x-goog-api-key` (Gemini).
    XGoogApiKey,
    /// No credential.
    None,
}

impl AuthStyleArg {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bearer => "bearer",
            Self::XApiKey => "x-api-key",
            Self::ApiKey => "api-key",
            Self::XGoogApiKey => "x-goog-api-key",
            Self::None => "none",
        }
    }
}

/// What happens upstream when a client goes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnDisconnectArg {
    /// Read the upstream to its usage, within a cap.
    Drain,
    /// Cut the upstream off.
    Cancel,
}

/// What becomes of a successful answer without usage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum OnMissingUsageArg {
    /// Count with the model's tokenizer, and say so.
    Estimate,
    /// Keep it unrated.
    Unrated,
}

/// `tollgate endpoint …`.
#[derive(Debug, Subcommand)]
pub enum EndpointCommand {
    /// Make an upstream known.
    Create(EndpointCreateArgs),
    /// Change an upstream: only what is given.
    Set(Box<EndpointSetArgs>),
    /// Give up an upstream that no model uses any more. Its name is free again; the books keep what went there.
    Delete {
        /// Name or id of the endpoint.
        name: String,
    },
    /// Every upstream; credentials are not shown.
    List,
}

/// `tollgate endpoint create`.
#[derive(Debug, Clone, Args)]
pub struct EndpointCreateArgs {
    /// A name nobody has yet.
    pub name: String,
    /// Base URL, such as `https://api.openai.com`.
    pub url: String,
    /// The environment variable that holds the upstream's credential. It is stored sealed, and never shown again.
    #[arg(long, value_name = "VAR")]
    pub api_key_env: Option<String>,
    /// How the upstream wants its credential.
    #[arg(long, value_enum, default_value = "bearer")]
    pub auth_style: AuthStyleArg,
    /// The provider's name in reports and metrics, such as openai.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Do not ask for usage in streams where the client did not.
    #[arg(long)]
    pub no_inject_usage: bool,
    /// What happens upstream when a client goes away.
    #[arg(long, value_enum, default_value = "drain")]
    pub on_disconnect: OnDisconnectArg,
    /// What becomes of a successful answer that states no usage.
    #[arg(long, value_enum, default_value = "estimate")]
    pub on_missing_usage: OnMissingUsageArg,
    /// Further paths that are passed through and recorded; may be given more than once.
    #[arg(long, value_name = "PATH")]
    pub pass_through: Vec<String>,
    /// Where a route is found at this upstream, with {model} in it if wanted; may be given more than once. Such as
    /// /v1/chat/completions=/openai/deployments/{model}/chat/completions?api-version=2024-10-21
    #[arg(long, value_name = "ROUTE=TEMPLATE", value_parser = parse_path_template)]
    pub path_template: Vec<(String, String)>,
}

/// `tollgate endpoint set`.
#[derive(Debug, Clone, Args)]
pub struct EndpointSetArgs {
    /// Name or id of the endpoint.
    pub name: String,
    /// Base URL, such as `https://api.openai.com`.
    #[arg(long, value_name = "U")]
    pub url: Option<String>,
    /// The environment variable that holds the upstream's new credential.
    #[arg(long, value_name = "VAR")]
    pub api_key_env: Option<String>,
    /// How the upstream wants its credential; `none` removes the one there is.
    #[arg(long, value_enum)]
    pub auth_style: Option<AuthStyleArg>,
    /// The provider's name in reports and metrics, such as openai.
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Ask for usage in streams where the client did not.
    #[arg(long, conflicts_with = "no_inject_usage")]
    pub inject_usage: bool,
    /// Do not ask for usage in streams where the client did not.
    #[arg(long)]
    pub no_inject_usage: bool,
    /// What happens upstream when a client goes away.
    #[arg(long, value_enum)]
    pub on_disconnect: Option<OnDisconnectArg>,
    /// What becomes of a successful answer that states no usage.
    #[arg(long, value_enum)]
    pub on_missing_usage: Option<OnMissingUsageArg>,
    /// Paths that are passed through and recorded, in place of all there are; may be given more than once.
    #[arg(long, value_name = "PATH")]
    pub pass_through: Vec<String>,
    /// Pass no further path through.
    #[arg(long, conflicts_with = "pass_through")]
    pub no_pass_through: bool,
    /// Where a route is found at this upstream, in place of all templates there are; may be given more than once.
    #[arg(long, value_name = "ROUTE=TEMPLATE", value_parser = parse_path_template)]
    pub path_template: Vec<(String, String)>,
    /// Find every route where it usually is.
    #[arg(long, conflicts_with = "path_template")]
    pub no_path_template: bool,
}

/// `tollgate model …`.
#[derive(Debug, Subcommand)]
pub enum ModelCommand {
    /// Offer a model under an alias.
    Create {
        /// The name that clients ask for.
        alias: String,
        /// Name or id of the endpoint that has it.
        #[arg(long, value_name = "NAME")]
        endpoint: String,
        /// Its name at the endpoint [default: the alias].
        #[arg(long, value_name = "M")]
        upstream_model: Option<String>,
    },
    /// Move a model to another endpoint, or ask for it there by another name.
    #[command(group = clap::ArgGroup::new("changes").required(true).multiple(true))]
    Set {
        /// Alias or id of the model.
        alias: String,
        /// Name or id of the endpoint that has it.
        #[arg(long, value_name = "NAME", group = "changes")]
        endpoint: Option<String>,
        /// Its name at the endpoint.
        #[arg(long, value_name = "M", group = "changes")]
        upstream_model: Option<String>,
    },
    /// Offer a model no more. Its alias is free again, without prices; what was requested before is still charged.
    Delete {
        /// Alias or id of the model.
        alias: String,
    },
    /// Every model.
    List,
}

/// `tollgate tariff …`.
#[derive(Debug, Subcommand)]
pub enum TariffCommand {
    /// Replace all of a model's prices by the list in a file: what is gone closes, what changed opens, what is equal stays.
    Replace {
        /// Alias or id of the model.
        alias: String,
        /// A JSON list of {"purpose", "completion_window", "input_price", "output_price", …, "valid_from"}; `-` is stdin.
        file: PathBuf,
    },
    /// Set the prices of one purpose and window; the others stay.
    Set(Box<TariffSetArgs>),
    /// Every price there is and was.
    List {
        /// Alias or id of one model.
        alias: Option<String>,
    },
}

/// `tollgate tariff set`. Prices are credits per token, in decimal: 0.00001.
#[derive(Debug, Clone, Args)]
pub struct TariffSetArgs {
    /// Alias or id of the model.
    pub alias: String,
    /// For keys of this purpose: realtime, batch, playground or platform.
    #[arg(long, value_name = "P", default_value = "realtime")]
    pub purpose: ApiKeyPurpose,
    /// For batches with exactly this completion window, such as 24h.
    #[arg(long, value_name = "W")]
    pub window: Option<String>,
    /// The prices that costs have as well.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// Per input token written to a one-hour cache [default: the input price].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub cache_write_1h_price: Option<PricePerToken>,
    /// Per input token of audio [default: the input price].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub audio_input_price: Option<PricePerToken>,
    /// Per input token of images [default: the input price].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub image_input_price: Option<PricePerToken>,
    /// Per output token of audio [default: the output price].
    #[arg(long, value_name = "Y", allow_negative_numbers = true)]
    pub audio_output_price: Option<PricePerToken>,
    /// In force from this time on: 2026-01-31T12:00:00Z, 2026-01-31, or `2h` for two hours ago [default: now].
    #[arg(long, value_name = "T")]
    pub valid_from: Option<String>,
}

impl TariffSetArgs {
    /// The prices that were given.
    pub const fn prices(&self) -> PriceList {
        let PriceArgs {
            input_price,
            output_price,
            cache_read_price,
            cache_write_price,
            reasoning_price,
            request_price,
        } = self.prices;
        PriceList {
            input_price,
            output_price,
            cache_read_price,
            cache_write_5m_price: cache_write_price,
            cache_write_1h_price: self.cache_write_1h_price,
            audio_input_price: self.audio_input_price,
            image_input_price: self.image_input_price,
            reasoning_price,
            audio_output_price: self.audio_output_price,
            request_price,
        }
    }
}

/// `tollgate key …`.
#[derive(Debug, Subcommand)]
pub enum KeyCommand {
    /// Make a key and show its secret, once.
    Create {
        /// Name or id of the user who pays.
        #[arg(long, value_name = "NAME")]
        user: String,
        /// What the key is for: realtime, batch, playground or platform.
        #[arg(long, value_name = "P", default_value = "realtime")]
        purpose: ApiKeyPurpose,
        /// What a platform key may do on the whole platform: manager, billing_manager or viewer. Without one it manages what is
        /// its own user's.
        #[arg(long, value_name = "R")]
        role: Option<PlatformRole>,
        /// Believe the batch metadata headers of this key's requests.
        #[arg(long)]
        trusted: bool,
        /// A name, to tell keys apart.
        #[arg(long, value_name = "N", default_value = "")]
        name: String,
    },
    /// Revoke a key, for good. What it used before is still charged.
    Revoke {
        /// Its id, or the first characters of its secret as `key list` shows them.
        key: String,
    },
    /// Every key; secrets are not shown.
    List {
        /// Name or id of one user.
        #[arg(long, value_name = "NAME")]
        user: Option<String>,
    },
}

/// `tollgate credit …`.
#[derive(Debug, Subcommand)]
pub enum CreditCommand {
    /// Give credits.
    Grant(CreditArgs),
    /// Take credits away.
    Remove(CreditArgs),
}

/// `tollgate credit grant` and `remove`.
#[derive(Debug, Clone, Args)]
pub struct CreditArgs {
    /// Name or id of the user.
    pub user: String,
    /// More than zero, such as 10 or 0.5.
    #[arg(allow_negative_numbers = true)]
    pub amount: Credits,
    /// What this comes from, such as an invoice number. The same source is entered once, however often it is sent.
    #[arg(long, value_name = "S")]
    pub source_id: String,
    /// A text for the ledger.
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub description: String,
}

/// `tollgate ledger`.
#[derive(Debug, Clone, Args)]
pub struct LedgerArgs {
    /// Name or id of the user.
    pub user: String,
    /// At most this many entries.
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub limit: u32,
}

/// What `tollgate usage` sums by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum GroupByArg {
    /// By model.
    Model,
    /// By API key.
    Key,
    /// By user.
    User,
    /// By hour.
    Hour,
}

/// `tollgate usage`.
#[derive(Debug, Clone, Args)]
pub struct UsageArgs {
    /// Name or id of one user.
    #[arg(long, value_name = "U")]
    pub user: Option<String>,
    /// Hours that begin at or after this time: 2026-01-31T12:00:00Z, 2026-01-31, or `24h` for the last 24 hours.
    #[arg(long, value_name = "T")]
    pub since: Option<String>,
    /// What to sum by.
    #[arg(long, value_enum, default_value = "model")]
    pub group_by: GroupByArg,
}

/// `tollgate quarantine …`.
#[derive(Debug, Subcommand)]
pub enum QuarantineCommand {
    /// What the books refused, with the reason.
    List {
        /// With those that are written off.
        #[arg(long)]
        all: bool,
        /// At most this many.
        #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Try to enter records again, under the identity they always had.
    Replay {
        /// Ids of the records; none: all that are not written off.
        ids: Vec<uuid::Uuid>,
    },
    /// Give records up. They stay listed, with who gave them up.
    WriteOff {
        /// Ids of the records.
        #[arg(required = true)]
        ids: Vec<uuid::Uuid>,
        /// Who answers for it.
        #[arg(long, value_name = "NAME", default_value = "cli")]
        by: String,
    },
}

/// `tollgate spool …`.
#[derive(Debug, Clone, Subcommand)]
pub enum SpoolCommand {
    /// How much is in it, and what waits for the books.
    Status,
    /// Read everything in it and check it; the exit code is 1 when something is damaged.
    Verify,
    /// Print a line for each record.
    Dump,
    /// Enter again what the books have had from it: after a failover to a database that lost its last commits. What the books
    /// have is known and not charged again.
    Replay {
        /// Only what was acknowledged since then: an instant, or how long ago, such as 30m or 2h.
        #[arg(long, value_name = "T", default_value = "1h")]
        since: String,
    },
}

fn parse_path_template(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((route, template)) if route.starts_with('/') && template.starts_with('/') => {
            Ok((route.to_owned(), template.to_owned()))
        }
        _ => Err("write it as ROUTE=TEMPLATE, both beginning with a slash: \
                  /v1/chat/completions=/openai/deployments/{model}/chat/completions"
            .to_owned()),
    }
}

/// Reads an optional instant, see [`parse_instant`].
pub(crate) fn parse_optional_instant(
    text: Option<&str>,
    now: Timestamp,
) -> anyhow::Result<Option<Timestamp>> {
    text.map(|text| parse_instant(text, now)).transpose()
}

#[cfg(test)]
mod tests;
