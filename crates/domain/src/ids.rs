//! One type for each kind of identifier, so that a key's id can never be passed for a user's.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! uuid_id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Uuid);

        impl $name {
            /// A new time-ordered id (UUID version 7).
            pub fn generate() -> Self {
                Self(Uuid::now_v7())
            }

            /// Takes an id that was minted before.
            pub const fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }

            /// The bare UUID, for SQL and the wire.
            pub const fn as_uuid(self) -> Uuid {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }
    };
}

uuid_id!(
    /// Who pays: an individual or an organization.
    UserId
);
uuid_id!(
    /// An API key; never the secret.
    ApiKeyId
);
uuid_id!(
    /// An upstream: base URL and sealed credential.
    EndpointId
);
uuid_id!(
    /// A deployed model: alias → upstream model on an endpoint.
    ModelId
);
uuid_id!(
    /// One version of a price list.
    TariffId
);
uuid_id!(
    /// Whoever is told what becomes of balances.
    WebhookId
);
uuid_id!(
    /// The stream of records that `correlation_id`s count in; it belongs to the recorder, not to a process.
    InstanceId
);

impl UserId {
    /// The system user: its requests are recorded and never charged.
    pub const SYSTEM: Self = Self(Uuid::nil());
}

/// Numbers the requests of one instance in the order of their admission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CorrelationId(i64);

impl CorrelationId {
    /// Takes a number that the instance minted.
    pub const fn new(number: i64) -> Self {
        Self(number)
    }

    /// The bare number.
    pub const fn get(self) -> i64 {
        self.0
    }
}

impl fmt::Display for CorrelationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
