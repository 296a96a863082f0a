//! Where a request came from: what its key is for, how it was let in, and what the ledger calls it.

use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What an API key is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ApiKeyPurpose {
    /// Interactive use; also what an unknown purpose reads as.
    #[default]
    Realtime,
    /// Requests of batch jobs, priced by their completion window.
    Batch,
    /// The playground of a front end.
    Playground,
    /// Management only: never admitted to a model.
    Platform,
}

/// A purpose that nobody defined.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a purpose; one of realtime, batch, playground, platform")]
pub struct UnknownPurpose(String);

impl ApiKeyPurpose {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Realtime, Self::Batch, Self::Playground, Self::Platform];

    /// The name, as stored and as on the wire.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Realtime => "realtime",
            Self::Batch => "batch",
            Self::Playground => "playground",
            Self::Platform => "platform",
        }
    }

    /// Reads a stored purpose; what it does not know is realtime, so that a newer purpose is still priced.
    pub fn from_stored(text: &str) -> Self {
        text.parse().unwrap_or_default()
    }
}

impl FromStr for ApiKeyPurpose {
    type Err = UnknownPurpose;

    fn from_str(text: &str) -> Result<Self, UnknownPurpose> {
        Self::ALL
            .into_iter()
            .find(|purpose| purpose.as_str() == text)
            .ok_or_else(|| UnknownPurpose(text.to_owned()))
    }
}

/// How the request was let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccessSource {
    /// With a key that we know.
    ApiKey,
    /// With a credential that no live key has.
    UnknownApiKey,
    /// With no credential.
    Unauthenticated,
}

impl AccessSource {
    /// The name, as in the views.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ApiKey => "api_key",
            Self::UnknownApiKey => "unknown_api_key",
            Self::Unauthenticated => "unauthenticated",
        }
    }
}

/// Which product the request belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestOrigin {
    /// A client of the API.
    Api,
    /// The playground.
    Frontend,
    /// A batch job.
    Batch,
}

impl RequestOrigin {
    /// A batch id or a batch key → batch; a playground key → frontend; else api.
    pub const fn of(has_batch_id: bool, purpose: Option<ApiKeyPurpose>) -> Self {
        match (has_batch_id, purpose) {
            (true, _) | (_, Some(ApiKeyPurpose::Batch)) => Self::Batch,
            (_, Some(ApiKeyPurpose::Playground)) => Self::Frontend,
            _ => Self::Api,
        }
    }

    /// The name, as in the views.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Api => "api",
            Self::Frontend => "frontend",
            Self::Batch => "batch",
        }
    }
}

#[cfg(test)]
mod tests;
