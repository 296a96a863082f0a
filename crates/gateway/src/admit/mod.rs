//! Who may pass. Guard clauses in a documented order, one named outcome each.
//!
//! 1. the method fits the route, else 405
//! 2. one live credential, else 401
//! 3. which is not a platform key, else 403; a trusted one with readable batch headers, else 400
//! 4. the route exists, the body names a model that exists, else 404 (400 where the body cannot be read)
//! 5. the balance is above zero, or the model is free, else 402
//! 6. the body fits, else 413
//! 7. there is room for one more request and for its record, and records can be kept, else 503
//!
//! No SQL and no waiting but for the client's own bytes. A refused request is counted and not recorded.

pub(crate) mod batch;
pub(crate) mod credential;
mod intake;
mod refusal;

use std::sync::Arc;

use http::{HeaderMap, header};
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tollgate_domain::{ApiKeyPurpose, Batch, Credits, UserId};

use self::credential::Presented;
pub(crate) use self::intake::Intake;
pub(crate) use self::refusal::{Refusal, error_response};
use crate::gateway::{Arrival, Inner};
use crate::recorder::RecordSlot;
use crate::route::Route;
use crate::view::{KeyEntry, LiveEndpoint, LiveModel, Snapshot};
use crate::wire::Surface;

/// A client that showed a live key.
#[derive(Debug)]
pub(crate) struct Caller {
    pub(crate) key: Arc<KeyEntry>,
    /// The secret, to find and remove it wherever it stands.
    pub(crate) secret: String,
    /// What a trusted one said of its batch.
    pub(crate) batch: Batch,
}

/// Where an admitted request goes.
#[derive(Debug)]
pub(crate) struct Destination {
    pub(crate) surface: Surface,
    pub(crate) endpoint: Arc<LiveEndpoint>,
    pub(crate) model: Option<Arc<LiveModel>>,
    /// The route as it is recorded.
    pub(crate) template: String,
}

impl Destination {
    /// What the upstream calls the model.
    pub(crate) fn upstream_model(&self) -> Option<&str> {
        self.model.as_ref().map(|model| model.entry.upstream_model.as_str())
    }
}

/// A request that may pass, with all that was reserved for it.
#[derive(Debug)]
pub(crate) struct Admitted {
    pub(crate) caller: Caller,
    pub(crate) destination: Destination,
    pub(crate) permit: OwnedSemaphorePermit,
    pub(crate) slot: Box<dyn RecordSlot>,
}

/// Admits a request or says why not. Reads of the body what it must, and leaves the rest in `intake`.
pub(crate) async fn admit(
    gateway: &Inner,
    arrival: &Arrival,
    intake: &mut Intake,
) -> Result<Admitted, Refusal> {
    let snapshot = gateway.view.snapshot();
    let caller = authenticate(gateway, &snapshot, arrival)?;
    let destination = resolve(&snapshot, arrival, intake).await?;
    check_balance(gateway, &caller, &destination, arrival.at)?;
    let limit = gateway.config.max_body_bytes;
    if declared_length(&arrival.headers).is_some_and(|length| length > limit) {
        return Err(Refusal::BodyTooLarge { limit });
    }
    intake.gather().await?;
    let permit = Arc::clone(&gateway.in_flight).try_acquire_owned().map_err(|_| Refusal::Overloaded)?;
    let slot = gateway.recorder.try_reserve()?;
    Ok(Admitted { caller, destination, permit, slot })
}

/// Guards 1 to 3, which lists of models pass too.
pub(crate) fn authenticate(
    gateway: &Inner,
    snapshot: &Snapshot,
    arrival: &Arrival,
) -> Result<Caller, Refusal> {
    if let Some(allow) = arrival.route.refuses(&arrival.method) {
        return Err(Refusal::MethodNotAllowed { allow });
    }
    let secret = match credential::presented(&arrival.headers, arrival.uri.query()) {
        Presented::Nothing => return Err(Refusal::NoCredential),
        Presented::Several => return Err(Refusal::TwoCredentials),
        Presented::Secret(secret) => secret,
    };
    let key = snapshot.key(&gateway.master_key.key_digest(&secret), arrival.at).ok_or(Refusal::UnknownKey)?;
    if key.purpose == ApiKeyPurpose::Platform {
        return Err(Refusal::PlatformKey);
    }
    let batch = if key.trusted { batch::parse(&arrival.headers)? } else { Batch::default() };
    Ok(Caller { key: Arc::clone(key), secret, batch })
}

/// Guard 4.
async fn resolve(
    snapshot: &Snapshot,
    arrival: &Arrival,
    intake: &mut Intake,
) -> Result<Destination, Refusal> {
    if arrival.headers.get(header::CONTENT_ENCODING).is_some_and(|coding| coding != "identity") {
        return Err(Refusal::EncodedBody);
    }
    let unknown = |alias: &str| Refusal::UnknownModel(alias.to_owned());
    if let Route::Metered { surface, model_in_path } = &arrival.route {
        let alias = match model_in_path {
            Some(alias) => alias.clone(),
            None => intake.model().await?.ok_or(Refusal::UnknownRoute)?,
        };
        let model = Arc::clone(snapshot.model(&alias).ok_or_else(|| unknown(&alias))?);
        let template = surface.route_template().to_owned();
        let endpoint = Arc::clone(&model.endpoint);
        return Ok(Destination { surface: *surface, endpoint, model: Some(model), template });
    }
    let path = arrival.uri.path();
    let surface = Surface::PassThrough;
    let (first, template) = snapshot.passing(path).next().ok_or(Refusal::UnknownRoute)?;
    let Some(alias) = intake.model().await? else {
        let (endpoint, template) = (Arc::clone(first), template.to_owned());
        return Ok(Destination { surface, endpoint, model: None, template });
    };
    // A body that names a model chooses among the endpoints that list the path.
    let model = Arc::clone(snapshot.model(&alias).ok_or_else(|| unknown(&alias))?);
    let template = model.endpoint.pass_through_template(path).ok_or(Refusal::UnknownRoute)?.to_owned();
    let endpoint = Arc::clone(&model.endpoint);
    Ok(Destination { surface, endpoint, model: Some(model), template })
}

/// Guard 5.
fn check_balance(
    gateway: &Inner,
    caller: &Caller,
    destination: &Destination,
    now: Timestamp,
) -> Result<(), Refusal> {
    let key = &caller.key;
    let priced_at = caller.batch.batch_created_at.unwrap_or(now);
    let window = caller.batch.batch_completion_window.as_deref();
    let is_free =
        destination.model.as_ref().is_some_and(|model| model.is_free(key.purpose, window, priced_at));
    if is_free || key.user == UserId::SYSTEM {
        return Ok(());
    }
    let balance = gateway.view.available(key.user);
    if balance <= Credits::ZERO { Err(Refusal::OutOfCredits { balance }) } else { Ok(()) }
}

/// The `Content-Length` of a request.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
