//! `tollgate webhook …`: what may be asked of webhooks.

use clap::{Args, Subcommand};
use tollgate_domain::{Credits, WebhookId};

/// `tollgate webhook …`.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Tell an address when a balance is low, depleted, or refilled, and show the secret that the messages are signed with, once.
    Add(WebhookAddArgs),
    /// Every webhook; secrets are not shown.
    List,
    /// Tell an address no more. What it has not got yet is given up.
    Remove {
        /// Id of the webhook.
        id: WebhookId,
    },
    /// At which balance of a user webhooks are told that it is low.
    #[command(group = clap::ArgGroup::new("line").required(true))]
    LowBalance {
        /// Name or id of the user.
        user: String,
        /// In credits, above zero: when the balance falls to this, or below.
        #[arg(value_name = "CREDITS", allow_negative_numbers = true, group = "line")]
        credits: Option<Credits>,
        /// They are told of none.
        #[arg(long, group = "line")]
        off: bool,
    },
    /// What was delivered, and what was not; newest first.
    Deliveries {
        /// Only what is not delivered.
        #[arg(long)]
        undelivered: bool,
        /// At most this many.
        #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
    /// Send a signed message that says nothing, now and once; the exit code is 1 when it is not taken.
    Test {
        /// Id of the webhook.
        id: WebhookId,
    },
}

/// `tollgate webhook add`.
#[derive(Debug, Clone, Args)]
pub struct WebhookAddArgs {
    /// Where messages are posted to, such as `https://example.com/hooks`.
    pub url: String,
    /// Name or id of the only user that it hears of [default: all].
    #[arg(long, value_name = "NAME")]
    pub user: Option<String>,
    /// The environment variable that holds its secret, `whsec_…` [default: a new one].
    #[arg(long, value_name = "VAR")]
    pub secret_env: Option<String>,
}
