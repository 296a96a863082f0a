//! Where the database is, and who we are to it.

use schemars::JsonSchema;
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::{ConfigError, document};

/// Enough for a few flushers, the refresher and the commands beside them; PostgreSQL comes with 100 for everyone.
const DEFAULT_CONNECTIONS: u32 = 8;

/// The database.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DatabaseConfig {
    /// URL of a PostgreSQL 15 or newer, such as `postgresql://tollgate:secret@db/tollgate`. Of several hosts
    /// (`…@one,two/tollgate`) the first that takes writes is used. Empty: a private server runs in the data directory.
    #[serde(serialize_with = "url_without_password")]
    #[schemars(with = "String")]
    pub url: Option<SecretString>,
    /// The same database, as a login that may do what the request path needs and no more: it reads configuration and balances, and keeps leases. Such a
    /// login is in role `tollgate_gateway` of `deploy/postgresql/roles.sql`. Empty: `database.url`.
    #[serde(serialize_with = "url_without_password")]
    #[schemars(with = "String")]
    pub gateway_url: Option<SecretString>,
    /// The same database, as a login that may write the books (role `tollgate_batcher`): for the batcher, the audit beside it and the
    /// deliverer of webhooks. Empty: `database.url`.
    #[serde(serialize_with = "url_without_password")]
    #[schemars(with = "String")]
    pub batcher_url: Option<SecretString>,
    /// The same database, as a login that may change configuration and enter credits (role `tollgate_admin`): for the management API, and for every
    /// command but `tollgate migrate`, which uses `database.url`. Empty: `database.url`.
    #[serde(serialize_with = "url_without_password")]
    #[schemars(with = "String")]
    pub admin_url: Option<SecretString>,
    /// Connections kept to the database at most, those for notifications, for the management API and for `gateway_url` not counted.
    pub max_connections: u32,
    /// Listen for changes that others make. Where a pooler in transaction mode stands between, which carries no notifications, say
    /// false: the poll each second then does it alone.
    pub listen: bool,
}

impl Default for DatabaseConfig {
    fn default() -> Self {
        Self {
            url: None,
            gateway_url: None,
            batcher_url: None,
            admin_url: None,
            max_connections: DEFAULT_CONNECTIONS,
            listen: true,
        }
    }
}

impl DatabaseConfig {
    /// The URL of the server to use; `None` for the private one.
    pub fn server_url(&self) -> Option<&SecretString> {
        given(self.url.as_ref())
    }

    /// The gateway's own URL, where it has one.
    pub fn gateway_url(&self) -> Option<&SecretString> {
        given(self.gateway_url.as_ref())
    }

    /// The batcher's own URL, where it has one.
    pub fn batcher_url(&self) -> Option<&SecretString> {
        given(self.batcher_url.as_ref())
    }

    /// The management API's own URL, where it has one.
    pub fn admin_url(&self) -> Option<&SecretString> {
        given(self.admin_url.as_ref())
    }

    /// URLs of roles are of a server: beside the private one, which has one role, they would be silently ignored.
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        let of_roles = [
            ("gateway_url", self.gateway_url()),
            ("batcher_url", self.batcher_url()),
            ("admin_url", self.admin_url()),
        ];
        let Some((name, _)) = of_roles.into_iter().find(|(_, url)| url.is_some()) else { return Ok(()) };
        if self.server_url().is_none() {
            return Err(ConfigError::Invalid(format!(
                "`database.{name}` is set and `database.url` is not, so a private PostgreSQL would be used: set `database.url` as well"
            )));
        }
        Ok(())
    }
}

fn given(url: Option<&SecretString>) -> Option<&SecretString> {
    url.filter(|url| !url.expose_secret().is_empty())
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn url_without_password<S: Serializer>(url: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    let url = url.as_ref().map(|url| document::without_password(url.expose_secret()));
    serializer.serialize_str(&url.unwrap_or_default())
}
