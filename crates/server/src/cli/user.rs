//! `tollgate user …`: what may be asked of users.

use clap::{Args, Subcommand, ValueEnum};
use tollgate_domain::Credits;
use tollgate_store::management::keys::PlatformRole;
use uuid::Uuid;

/// `tollgate user …`.
#[derive(Debug, Subcommand)]
pub enum UserCommand {
    /// Make a user, with credits to begin with if wanted.
    Create {
        /// A name nobody has yet.
        name: String,
        /// Credits granted at once, such as 10 or 0.5.
        #[arg(long, value_name = "N", allow_negative_numbers = true)]
        credits: Option<Credits>,
        /// The user is an organization.
        #[arg(long)]
        organization: bool,
    },
    /// Change a user.
    Set {
        /// Name or id of the user.
        user: String,
        /// What becomes of a stream that has used up what it holds of the user's credits, when there are no more: it goes on and overdraws the
        /// account, or it is cut off with an error.
        #[arg(long, value_name = "POLICY")]
        when_spent: WhenSpentArg,
    },
    /// Every user with the balance.
    List,
    /// A link by which a user signs in to the management API once, within 15 minutes, and sets a password. Links before it end.
    SignInLink {
        /// Name or id of the user.
        name: String,
    },
    /// Give a user a role for when they are signed in, or take it away, and with it the user's own keys that have more power.
    Role {
        /// Name or id of the user.
        name: String,
        /// manager, billing_manager or viewer; `none` takes the role away.
        #[arg(value_name = "ROLE|none", value_parser = parse_role)]
        role: WantedRole,
        /// Revoke keys as well that the user made for others, with more power than the new role has.
        #[arg(long)]
        revoke_made_keys: bool,
    },
    /// Let a user sign in by an identity at an OpenID provider: by the provider's own name for the user, or by an address that it has verified.
    Link(LinkArgs),
    /// Who a user is at OpenID providers.
    Identities {
        /// Name or id of the user.
        user: String,
    },
    /// Take an identity away from a user, and end the sessions that began through a provider.
    Unlink {
        /// Name or id of the user.
        user: String,
        /// Id of the identity, as `tollgate user identities` shows it.
        identity: Uuid,
    },
}

/// `tollgate user link`.
#[derive(Debug, Clone, Args)]
pub struct LinkArgs {
    /// Name or id of the user.
    pub user: String,
    /// By what the provider's people are known.
    #[command(flatten)]
    pub known_by: KnownByArgs,
    /// The provider [default: admin.oidc.issuer of the configuration].
    #[arg(long, value_name = "URL")]
    pub issuer: Option<String>,
}

/// A subject or an address.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct KnownByArgs {
    /// The provider's own name for the user: the claim `sub`.
    #[arg(long, value_name = "SUB")]
    pub subject: Option<String>,
    /// The first who comes with this address is linked, if the provider has verified it and `admin.oidc.link_by_email` is true.
    #[arg(long, value_name = "ADDRESS")]
    pub email: Option<String>,
}

/// A role, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WantedRole(pub Option<PlatformRole>);

fn parse_role(text: &str) -> Result<WantedRole, String> {
    if text == "none" {
        return Ok(WantedRole(None));
    }
    let role = text.parse().map_err(|error: tollgate_store::StoreError| error.to_string());
    role.map(|role| WantedRole(Some(role))).map_err(|error| format!("{error}, none"))
}

/// What becomes of a stream that outgrows the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum WhenSpentArg {
    /// It goes on to its end.
    Finish,
    /// It is cut off after the last whole frame, and charged for what came.
    Cut,
}
