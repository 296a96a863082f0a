//! Whether an endpoint can be reached and takes its credential. The management API knows no gateway: whoever runs both gives it one to ask
//! ([`Admin::check_endpoints_by`]), so that the request goes the way of all others, past the same guard.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use tollgate_domain::EndpointId;
use tollgate_store::Tx;
use tollgate_store::endpoints;
use tollgate_store::snapshot::ConfigEndpoint;
use utoipa::ToSchema;

use crate::app::Admin;
use crate::extract::Path;
use crate::problem::{Kind, Problem};

/// Checks in a minute, of all endpoints, and of webhooks with them: people click, and no client of this API may make a server knock at others' doors faster.
const MOST_A_MINUTE: usize = 20;
const MINUTE: SignedDuration = SignedDuration::from_secs(60);

/// Asks an endpoint for its list of models, once, within a time limit of its own.
pub type UpstreamCheck = Arc<dyn Fn(ConfigEndpoint) -> Checking + Send + Sync>;

/// What an endpoint answers, to come.
pub type Checking = Pin<Box<dyn Future<Output = EndpointChecked> + Send>>;

/// What became of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum EndpointState {
    /// It answered with a list of models.
    Well,
    /// It is there and refuses the credential, or misses one.
    CredentialRefused,
    /// It is there, and answered with something that is no list of models.
    NoList,
    /// It is there and failed, or has no time.
    Failing,
    /// It leads to an address that endpoints set through this API may not lead to.
    AddressRefused,
    /// Its name has no address.
    UnknownName,
    /// Nobody listens there, or the connection broke.
    Unreachable,
    /// TLS was not agreed on.
    TlsFailed,
    /// It took longer than ten seconds.
    TimedOut,
    /// It makes no address that could be asked.
    Unusable,
}

impl EndpointState {
    /// For people: what it means, and what to do.
    const fn in_words(self) -> &'static str {
        match self {
            Self::Well => "It answers, and takes the credential.",
            Self::CredentialRefused => {
                "It is reached, and refuses the credential: set it anew, and check how the endpoint wants it."
            }
            Self::NoList => {
                "It is reached, and has no list of models where one is usual. Some have none; or the address is not that of an API."
            }
            Self::Failing => "It is reached, and fails or has no time: try again later.",
            Self::AddressRefused => {
                "It leads to an address that is not of the public internet, and was not connected to. If that is meant, open its network in \
                 `admin.allowed_networks`, or set the address on the server's command line."
            }
            Self::UnknownName => "Its host name has no address: check the spelling.",
            Self::Unreachable => {
                "Nobody answers there: check host and port, and whether a firewall is between."
            }
            Self::TlsFailed => {
                "No secure connection came about: its certificate is not trusted, or it speaks plain http. An authority of your own goes into \
                 `gateway.upstream_ca_file`."
            }
            Self::TimedOut => "It did not answer within ten seconds.",
            Self::Unusable => "The endpoint makes no address that could be asked: check it.",
        }
    }
}

/// What was found out about an endpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointChecked {
    /// What became of it.
    pub state: EndpointState,
    /// What was asked, such as `GET /v1/models`.
    pub asked: Option<String>,
    /// The answer's status.
    pub status: Option<u16>,
    /// Until the head of the answer, or until it was clear that none comes, in milliseconds.
    pub latency_ms: u64,
    /// How many models its list has.
    pub models: Option<u64>,
    /// The first words of a refusal; never a credential.
    pub said: Option<String>,
}

/// What was found out about an endpoint.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct EndpointReport {
    /// In one word, for programs.
    state: EndpointState,
    /// For people: what it means, and what to do.
    detail: String,
    /// Whether it answered at all.
    is_reached: bool,
    /// Whether it took the credential, or needs none; `null` where that is not known.
    is_credential_accepted: Option<bool>,
    /// What was asked, such as `GET /v1/models`: nothing that costs.
    asked: Option<String>,
    /// The answer's status; `null` where there was no answer.
    status: Option<u16>,
    /// Until the head of the answer, or until it was clear that none comes, in milliseconds; with name resolution and TLS where there was no
    /// connection.
    latency_ms: u64,
    /// How many models its list has.
    models: Option<u64>,
    /// The first words of a refusal, as the endpoint wrote them.
    said: Option<String>,
}

impl From<EndpointChecked> for EndpointReport {
    fn from(checked: EndpointChecked) -> Self {
        let EndpointChecked { state, asked, status, latency_ms, models, said } = checked;
        let is_credential_accepted = match state {
            EndpointState::Well => Some(true),
            EndpointState::CredentialRefused => Some(false),
            _ => None,
        };
        let (detail, is_reached) = (state.in_words().to_owned(), status.is_some());
        Self { state, detail, is_reached, is_credential_accepted, asked, status, latency_ms, models, said }
    }
}

/// When checks were made of late.
#[derive(Debug, Default)]
pub(crate) struct Checks(Mutex<VecDeque<Timestamp>>);

impl Checks {
    /// Lets one more through, or says in how many seconds there is room.
    pub(crate) fn enter(&self, now: Timestamp) -> Result<(), Problem> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // One of the future is there where the clock was set back, and counts no more.
        made.retain(|at| *at <= now && now.duration_since(*at) < MINUTE);
        match made.front() {
            Some(first) if made.len() >= MOST_A_MINUTE => {
                let wait = MINUTE.saturating_sub(now.duration_since(*first)).as_secs().saturating_add(1);
                let detail = format!(
                    "endpoints are checked and webhooks tried {MOST_A_MINUTE} times a minute at most"
                );
                Err(Problem::new(Kind::TooManyChecks, detail).retry_after(wait))
            }
            _ => {
                made.push_back(now);
                Ok(())
            }
        }
    }
}

/// Sends the endpoint one real request that costs nothing, for its list of models, and says what became of it. An endpoint that is not well is an
/// answer too, and no error.
#[utoipa::path(post, path = "/admin/api/v1/endpoints/{endpoint_id}/check", tag = "endpoints",
    params(("endpoint_id" = Uuid, Path)),
    responses((status = 200, description = "What was found out", body = EndpointReport)))]
pub(crate) async fn create(
    State(admin): State<Admin>,
    Path(id): Path<EndpointId>,
) -> Result<Json<EndpointReport>, Problem> {
    let find = async |tx: Tx| {
        let endpoint = endpoints::find(&tx, &id.to_string()).await?;
        ConfigEndpoint::open(admin.master(), endpoint)
    };
    let endpoint = admin.store().tx("admin_check_endpoint", find).await?;
    let Some(check) = admin.upstream_check() else {
        return Err(Problem::new(
            Kind::Conflict,
            "no gateway runs beside this management API that could ask the endpoint",
        ));
    };
    admin.checks().enter(admin.clock().now())?;
    Ok(Json(check(endpoint).await.into()))
}
