//! Who may pass. Guard clauses in a documented order, one named outcome each.
//!
//! 1. the method fits the route, else 405
//! 2. one live credential, else 401
//! 3. which is not a platform key, else 403; a trusted one with readable batch headers, else 400
//! 4. the route exists, the body names a model that exists, else 404 (400 where the body cannot be read)
//! 5. the balance is above zero and no spend cap is reached, or the model is free, else 402
//! 6. the body fits, else 413
//! 7. it keeps the limits of its key, its user and its model, else 429
//! 8. there is room for one more request, else 503
//! 9. what it may cost fits beside what the requests in flight may cost, else 402; 503 where nobody can tell
//! 10. there is room for its record, and records can be kept, else 503
//!
//! No SQL, and no waiting but for the client's own bytes and for a lease that is too small: three seconds at most for an answer to come, one for
//! what other gateways do not need. A refused request is counted and not recorded.

pub(crate) mod batch;
mod caps;
pub(crate) mod credential;
mod intake;
mod limits;
mod refusal;

use std::sync::Arc;

use http::{HeaderMap, header};
use jiff::Timestamp;
use tokio::sync::OwnedSemaphorePermit;
use tollgate_domain::{ApiKeyPurpose, Batch, Credits, PriceList, UserId, find_best_tariff};

use self::credential::Presented;
pub(crate) use self::intake::Intake;
pub(crate) use self::refusal::{Refusal, error_response};
use crate::gateway::{Arrival, Inner};
use crate::hold::{Estimate, Hold, NoHold, Wanted, estimate};
use crate::limit::Passed;
use crate::recorder::RecordSlot;
use crate::route::Route;
use crate::view::{KeyEntry, LiveEndpoint, LiveModel, Short, Snapshot};
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
    /// What it holds of its owner's credits.
    pub(crate) hold: Hold,
    pub(crate) permit: OwnedSemaphorePermit,
    pub(crate) slot: Box<dyn RecordSlot>,
    /// What it takes of its limits.
    pub(crate) passed: Passed,
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
    let price = price(&caller, &destination, arrival.at);
    if price != Price::Nothing {
        let balance = gateway.view.available(caller.key.user);
        if balance <= Credits::ZERO {
            return Err(Refusal::OutOfCredits { balance });
        }
    }
    caps::check(gateway, &snapshot, &caller, &destination, arrival.at)?;
    let limit = gateway.config.max_body_bytes;
    let length = declared_length(&arrival.headers);
    if length.is_some_and(|length| length > limit) {
        return Err(Refusal::BodyTooLarge { limit });
    }
    intake.gather().await?;
    let passed = limits::pass(gateway, &snapshot, arrival, &caller, &destination, intake)?;
    let estimate = may_cost(gateway, &caller, &destination, &price, intake, length);
    // Before it may have to wait for its hold: those that wait count, too.
    let permit = Arc::clone(&gateway.in_flight).try_acquire_owned().map_err(|_| Refusal::Overloaded)?;
    let hold = hold(gateway, &caller.key, estimate).await?;
    let slot = gateway.recorder.try_reserve()?;
    Ok(Admitted { caller, destination, hold, permit, slot, passed })
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
    let key = snapshot.key(&gateway.pepper.key_digest(&secret), arrival.at).ok_or(Refusal::UnknownKey)?;
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

/// What a request is paid with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Price {
    /// Nobody pays, whatever it is.
    Nothing,
    /// Nobody knows yet: it will be unrated.
    Unknown,
    Known(PriceList),
}

/// At the time that the request is priced at.
fn price(caller: &Caller, destination: &Destination, now: Timestamp) -> Price {
    if caller.key.user == UserId::SYSTEM {
        return Price::Nothing;
    }
    let Some(model) = &destination.model else { return Price::Unknown };
    let priced_at = caller.batch.batch_created_at.unwrap_or(now);
    let window = caller.batch.batch_completion_window.as_deref();
    match find_best_tariff(&model.tariffs, Some(caller.key.purpose), window, priced_at) {
        None => Price::Unknown,
        Some(tariff) if tariff.prices.is_free() => Price::Nothing,
        Some(tariff) => Price::Known(tariff.prices),
    }
}

/// What the request may cost; `None` where nobody pays, or nobody knows the price yet.
fn may_cost(
    gateway: &Inner,
    caller: &Caller,
    destination: &Destination,
    price: &Price,
    intake: &Intake,
    length: Option<u64>,
) -> Option<Estimate> {
    let (Price::Known(prices), Some(model)) = (price, &destination.model) else { return None };
    let facts = intake.facts();
    let answers_in_tokens = destination.surface.answers_in_tokens();
    // Of a body that has not ended nobody knows how long it will be, but for its announced length, nor what else it says.
    let body_bytes = match length {
        _ if intake.is_whole() => intake.read_bytes(),
        Some(length) => length.max(intake.read_bytes()),
        None => gateway.config.max_body_bytes,
    };
    let wanted = Wanted {
        body_bytes,
        max_output_tokens: if answers_in_tokens { facts.max_tokens } else { Some(0) },
        choices: facts.choices.unwrap_or(1).max(1).saturating_mul(facts.prompts.unwrap_or(1).max(1)),
        is_clear: !answers_in_tokens || (intake.is_whole() && !facts.is_unclear),
        usual_output_tokens: gateway.learned.usual(caller.key.id, model.entry.id),
    };
    Some(estimate(&wanted, prices))
}

/// Guard 8.
async fn hold(gateway: &Inner, key: &KeyEntry, estimate: Option<Estimate>) -> Result<Hold, Refusal> {
    let user = key.user;
    let Some(estimate) = estimate else { return Ok(Hold::nothing(Arc::clone(&gateway.view), user)) };
    crate::hold::hold(&gateway.view, user, estimate, key.when_spent).await.map_err(|why| match why {
        NoHold::Unconfirmed => Refusal::CreditsUnconfirmed,
        NoHold::Short(Short { balance, .. }) if balance <= Credits::ZERO => Refusal::OutOfCredits { balance },
        // It would not fit either when all holds have ended.
        NoHold::Short(Short { balance, .. }) if estimate.is_bounded && estimate.most > balance => {
            Refusal::TooDear { most: estimate.most, balance }
        }
        NoHold::Short(Short { balance, held }) => Refusal::CreditsHeld { most: estimate.most, balance, held },
    })
}

/// The `Content-Length` of a request.
pub(crate) fn declared_length(headers: &HeaderMap) -> Option<u64> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
