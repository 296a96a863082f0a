//! How the platform stands: a few counts of the books, and what the running gateway says of itself. The management API knows no gateway;
//! whoever runs both gives it something to ask ([`Admin::observe`]). Where nobody did, that part is `null`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::Serialize;
use tollgate_store::management::bound_report;
use tollgate_store::management::standing::{self, Standing};
use utoipa::ToSchema;

use crate::app::Admin;
use crate::problem::Problem;

/// Asks a running gateway how it stands.
pub type GatewayProbe = Arc<dyn Fn() -> GatewayStatus + Send + Sync>;

/// How a running gateway stands, by its own metrics.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct GatewayStatus {
    /// Where clients reach it, as it listens: an address and a port.
    pub address: String,
    /// The version of the program.
    pub version: String,
    /// Whether it should get traffic: what `/readyz` answers.
    pub is_ready: bool,
    /// How old its keys, models, prices and balances are, in milliseconds; `null` before it has any.
    pub snapshot_age_ms: Option<u64>,
    /// Requests that have ended since it started, whichever way.
    pub ended_requests: u64,
    /// Requests that were admitted and have not ended.
    pub in_flight_requests: u64,
    /// Records on its disk that the books do not have yet.
    pub waiting_records: u64,
    /// How long the oldest of these has waited, in seconds: how far the books lag behind.
    pub lag_seconds: f64,
    /// Bytes of its spool that are in use.
    pub spool_used_bytes: u64,
    /// Bytes that its spool may use.
    pub spool_limit_bytes: u64,
    /// Whether its spool keeps what it is given.
    pub spool_is_sound: bool,
    /// What its running audit of the books has found; `null` where none runs.
    pub audit: Option<AuditStatus>,
}

/// What the running audit of what is new in the books has found since the server began. `tollgate audit` proves the whole of them.
#[derive(Debug, Clone, Default, PartialEq, Serialize, ToSchema)]
pub struct AuditStatus {
    /// Records that were checked one by one.
    pub checked_records: u64,
    /// What was found wrong; the server's log says where. It does not go away by itself.
    pub differences: u64,
    /// When everything that was new was right, last; `null`: not yet.
    pub last_right_at: Option<Timestamp>,
}

/// How the platform stands.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Status {
    books: BooksStatus,
    /// `null` where the management API runs without a gateway.
    gateway: Option<GatewayStatus>,
}

/// How the books stand. A number above 10000 stands for any larger one.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct BooksStatus {
    /// Users who are not deactivated.
    users: i64,
    /// Of these, the ones who were given credits and have none left.
    users_out_of_credits: i64,
    /// Requests that wait for a price.
    unrated_requests: i64,
    /// Records that wait to be replayed or written off.
    quarantined_records: i64,
    endpoints: i64,
    models: i64,
    /// Models without any price in force.
    models_without_price: i64,
}

impl From<Standing> for BooksStatus {
    fn from(standing: Standing) -> Self {
        Self {
            users: standing.users,
            users_out_of_credits: standing.users_out_of_credits,
            unrated_requests: standing.unrated_requests,
            quarantined_records: standing.quarantined_records,
            endpoints: standing.endpoints,
            models: standing.models,
            models_without_price: standing.models_without_price,
        }
    }
}

/// How the platform stands, now.
#[utoipa::path(get, path = "/admin/api/v1/status", tag = "status",
    responses((status = 200, description = "Books and gateway", body = Status)))]
pub(crate) async fn get(State(admin): State<Admin>) -> Result<Json<Status>, Problem> {
    let read = async |tx| {
        bound_report(&tx).await?;
        standing::read(&tx).await
    };
    let books = admin.store().tx("admin_status", read).await?.into();
    Ok(Json(Status { books, gateway: admin.gateway() }))
}
