//! `tollgate limit …`: what may be asked of limits and spend caps.

use clap::{Args, Subcommand};
use tollgate_domain::Credits;

/// `tollgate limit …`.
#[derive(Debug, Subcommand)]
pub enum LimitCommand {
    /// Limit a key, a user or a model: only what is given changes. It is in force everywhere within a second.
    Set(Box<LimitSetArgs>),
    /// Take limits away: those that are named, or all.
    Clear(Box<LimitClearArgs>),
    /// The limits of one key, user or model, with what was spent; without a name, of all that have any.
    Show {
        /// Whose.
        #[command(flatten)]
        of: OptionalLimitOfArgs,
    },
}

/// Whom a limit is on.
#[derive(Debug, Clone, Default, Args)]
#[group(required = true, multiple = false)]
pub struct LimitOfArgs {
    /// One key: its id, or the first characters of its secret as `key list` shows them.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// All keys of a user together: name or id.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// Everyone's requests for a model together: alias or id.
    #[arg(long, value_name = "ALIAS")]
    pub model: Option<String>,
}

/// Whose limits are shown.
#[derive(Debug, Clone, Default, Args)]
#[group(multiple = false)]
pub struct OptionalLimitOfArgs {
    /// One key: its id, or the first characters of its secret as `key list` shows them.
    #[arg(long, value_name = "KEY")]
    pub key: Option<String>,
    /// A user: name or id.
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// A model: alias or id.
    #[arg(long, value_name = "ALIAS")]
    pub model: Option<String>,
}

/// `tollgate limit set`.
#[derive(Debug, Clone, Args)]
#[command(group = clap::ArgGroup::new("limits").required(true).multiple(true))]
pub struct LimitSetArgs {
    /// On whom.
    #[command(flatten)]
    pub of: LimitOfArgs,
    /// Requests a minute, at each gateway.
    #[arg(long, value_name = "N", group = "limits", value_parser = clap::value_parser!(i32).range(1..))]
    pub requests_per_minute: Option<i32>,
    /// Tokens of prompts and answers a minute, at each gateway.
    #[arg(long, value_name = "N", group = "limits", value_parser = clap::value_parser!(i64).range(1..))]
    pub tokens_per_minute: Option<i64>,
    /// Requests at once, at each gateway.
    #[arg(long, value_name = "N", group = "limits", value_parser = clap::value_parser!(i32).range(1..))]
    pub concurrent_requests: Option<i32>,
    /// Credits a day (UTC), of all gateways together.
    #[arg(long, value_name = "X", group = "limits", allow_negative_numbers = true)]
    pub daily_cap: Option<Credits>,
    /// Credits a week (Monday to Sunday, UTC), of all gateways together.
    #[arg(long, value_name = "X", group = "limits", allow_negative_numbers = true)]
    pub weekly_cap: Option<Credits>,
    /// Credits a month (UTC), of all gateways together.
    #[arg(long, value_name = "X", group = "limits", allow_negative_numbers = true)]
    pub monthly_cap: Option<Credits>,
}

/// `tollgate limit clear`.
#[derive(Debug, Clone, Args)]
pub struct LimitClearArgs {
    /// Of whom.
    #[command(flatten)]
    pub of: LimitOfArgs,
    /// Only that on requests a minute.
    #[arg(long)]
    pub requests_per_minute: bool,
    /// Only that on tokens a minute.
    #[arg(long)]
    pub tokens_per_minute: bool,
    /// Only that on requests at once.
    #[arg(long)]
    pub concurrent_requests: bool,
    /// Only the daily cap.
    #[arg(long)]
    pub daily_cap: bool,
    /// Only the weekly cap.
    #[arg(long)]
    pub weekly_cap: bool,
    /// Only the monthly cap.
    #[arg(long)]
    pub monthly_cap: bool,
}
