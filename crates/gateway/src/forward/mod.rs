//! Sending an admitted request on, and its answer back. Once.

mod client;
pub(crate) mod draft;
mod guard;
mod headers;

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use http::{HeaderMap, HeaderValue, Request, Response, StatusCode, header};
use tollgate_domain::Outcome;
use tollgate_failpoints::{Point, hit};

use crate::admit::{Admitted, Destination, Intake, Refusal, credential, declared_length, error_response};
use crate::exchange::{COST_HEADER, Exchange, Limits, NoAnswer, Plan, ResponseBody};
use crate::gateway::{Arrival, Inner, full};
use crate::limit::Told;
use crate::recorder::{Admission, Ended, InFlight, NotDurable};
use crate::request_body::{BodyFailure, ClientBodyError, UpstreamBody};
use crate::route::Route;
use crate::usage::tap::is_event_stream;
use crate::view::{LiveEndpoint, Target};
use crate::wire::gemini::{self, GeminiPath};
use crate::wire::request::{RequestError, RequestFacts, Rewrite};
use crate::wire::{Family, Surface};

pub(crate) use client::Upstreams;
pub use client::{TimedConnector, TlsError};
pub(crate) use headers::for_client;

/// A whole body of up to this many bytes is read before its head is sent, so that the cost can stand in a header.
const COST_HEADER_BODY_BYTES: usize = 64 * 1024;
/// How long a body may take after its head to be read ahead. A whole answer comes with its head; one that trickles (blanks
/// that keep a connection alive) has to flow.
const COST_HEADER_WAIT: Duration = Duration::from_secs(1);

/// Sends an admitted request and returns what the client gets.
pub(crate) async fn forward(
    gateway: &Inner,
    mut arrival: Arrival,
    intake: Intake,
    admitted: Admitted,
) -> Response<Body> {
    let mut taken = intake.take();
    let (length, takes_trailers) = (declared_length(&arrival.headers), takes_trailers(&arrival.headers));
    let Admitted { caller, destination, hold, permit, slot, passed } = admitted;
    let told = passed.standing().map(|standing| Told { standing, at: gateway.clock.now() });
    let (surface, endpoint) = (destination.surface, Arc::clone(&destination.endpoint));
    let facts = taken.adapter.facts().clone();
    let (number, stream) = (slot.correlation_id(), facts.stream.unwrap_or(false));
    let record = draft::record(gateway, &arrival, &caller, &destination, number, stream);
    let request_id = format!("{}-{}", record.instance_id, record.correlation_id);
    let in_flight = InFlight::new(Admission {
        slot,
        record,
        body_bytes: length,
        started: arrival.started,
        view: Arc::clone(&gateway.view),
        metrics: Arc::clone(&gateway.metrics),
        key: Arc::clone(&caller.key),
        model: destination.model.clone(),
        hold,
        learned: Arc::clone(&gateway.learned),
        permit,
        token: gateway.lifecycle.tracker.token(),
        passed,
    });

    let rewrite = Rewrite { model: destination.upstream_model(), inject_usage: endpoint.entry.inject_usage };
    let rewritten = taken.adapter.rewrite(rewrite).map_err(Unsendable::Body);
    let head = rewritten.and_then(|()| {
        upstream_head(&mut arrival, &destination, &caller.secret, &facts).map_err(Unsendable::Endpoint)
    });
    let head = match head {
        Ok(head) => head,
        Err(why) => {
            let response = unsent(&why, in_flight, surface, &endpoint).await;
            return with_own_headers(response, &request_id, surface, told);
        }
    };
    let (body, progress) = UpstreamBody::new(taken.client, taken.adapter, length, taken.held);
    hit(Point::BeforeUpstream);
    let answer = gateway.upstreams.send(head.map(|()| body), &endpoint);
    let mut exchange = Exchange::new(answer, progress.clone(), in_flight, plan(gateway, &destination));
    let response = match exchange.head().await {
        Ok(head) => {
            let injected = progress.facts().injected_usage;
            answer_client(head, exchange, injected, takes_trailers).await
        }
        Err(why) => Err(why),
    };
    let response = response.unwrap_or_else(|why| {
        tracing::warn!(
            endpoint = endpoint.entry.name,
            request_id,
            ?why,
            "a request ended without its upstream's answer"
        );
        full(no_answer(surface, &endpoint, why))
    });
    with_own_headers(response, &request_id, surface, told)
}

/// Why a request that was admitted could not be sent at all.
#[derive(Debug)]
enum Unsendable {
    /// Its body cannot be adapted.
    Body(RequestError),
    /// Its endpoint makes no address; the text is for the operator.
    Endpoint(String),
}

/// Records and answers a request that was never sent.
async fn unsent(
    why: &Unsendable,
    mut in_flight: InFlight,
    surface: Surface,
    endpoint: &LiveEndpoint,
) -> Response<Body> {
    let (status, code, message) = match why {
        Unsendable::Body(error) => (StatusCode::BAD_REQUEST, error.code(), format!("{error}.")),
        Unsendable::Endpoint(reason) => {
            tracing::error!(endpoint = endpoint.entry.name, reason, "an endpoint cannot be called");
            (StatusCode::BAD_GATEWAY, "misconfigured_endpoint", MISCONFIGURED.to_owned())
        }
    };
    in_flight.answered(status.as_u16());
    let recorded = in_flight.finish(&Ended { outcome: Outcome::Failed, observed: None });
    full(match recorded.kept.await {
        Ok(()) => error_response(surface, status, code, &message),
        Err(NotDurable) => Refusal::Unrecordable.response(surface),
    })
}

/// What the exchange has to know of the request's destination.
fn plan(gateway: &Inner, destination: &Destination) -> Plan {
    let config = &gateway.config;
    Plan {
        surface: destination.surface,
        on_disconnect: destination.endpoint.entry.on_disconnect,
        on_missing_usage: destination.endpoint.entry.on_missing_usage,
        model: destination.upstream_model().unwrap_or_default().to_owned(),
        limits: Limits {
            upstream_response_timeout: config.upstream_response_timeout(),
            upstream_idle_timeout: config.upstream_idle_timeout(),
            upstream_total_timeout: config.upstream_total_timeout(),
            drain_timeout: config.drain_timeout(),
            drain_max_bytes: config.drain_max_bytes,
        },
        lifecycle: gateway.lifecycle.clone(),
    }
}

const MISCONFIGURED: &str = "The endpoint of this model is not configured rightly. Its operator finds the reason in the gateway's log.";

/// The request's head as the upstream gets it; the client's headers go into it.
fn upstream_head(
    arrival: &mut Arrival,
    destination: &Destination,
    secret: &str,
    facts: &RequestFacts,
) -> Result<Request<()>, String> {
    let endpoint = &destination.endpoint;
    let model = destination.upstream_model();
    let query = credential::strip_query(arrival.uri.query(), secret).and_then(|query| {
        match destination.surface.family() {
            Family::Gemini => credential::without_parameters(&query, gemini::hides_usage),
            Family::OpenAi | Family::Anthropic => Some(query),
        }
    });
    let given = arrival.uri.path();
    let in_path = match (&arrival.route, model) {
        (Route::Metered { model_in_path: Some(_), .. }, Some(model)) => {
            GeminiPath::parse(given).map(|parsed| parsed.with_model(model))
        }
        _ => None,
    };
    let target = Target {
        endpoint,
        route_template: &destination.template,
        path: in_path.as_deref().unwrap_or(given),
        query: query.as_deref(),
        upstream_model: model,
    };
    let mut request = Request::new(());
    *request.method_mut() = arrival.method.clone();
    *request.uri_mut() = target.uri()?;
    let mut headers = std::mem::take(&mut arrival.headers);
    // Usage can only be put into a stream that we can read and cut; `stream` may still come.
    let may_inject = endpoint.entry.inject_usage
        && destination.surface.has_include_usage()
        && facts.stream != Some(false)
        && facts.include_usage != Some(true);
    headers::for_upstream(&mut headers, secret, may_inject);
    if let Some((name, value)) = &endpoint.auth {
        headers.insert(name, value.clone());
    }
    *request.headers_mut() = headers;
    Ok(request)
}

/// Passes an answer on: whole, with its cost in the head, where it is small; else as it comes.
async fn answer_client(
    mut head: http::response::Parts,
    exchange: Exchange,
    injected_usage: bool,
    takes_trailers: bool,
) -> Result<Response<Body>, NoAnswer> {
    let length = declared_length(&head.headers);
    let may_be_small = match length {
        Some(length) => length <= COST_HEADER_BODY_BYTES as u64,
        // Without a length: JSON comes in one go, but for Gemini's array of chunks.
        None => !exchange.streams() && is_json(&head.headers),
    };
    let has_no_body = exchange.has_no_body() || head.status == StatusCode::NO_CONTENT;
    let upstream_request_id = head.headers.remove("x-request-id");
    // A stream that ends before the length that it was announced with would look like a broken connection, not like the error that it ends with.
    let may_be_cut =
        exchange.may_be_cut() && text(&head.headers, &header::CONTENT_TYPE).is_none_or(is_event_stream);
    headers::for_client(&mut head.headers, !injected_usage && !may_be_cut);
    if let Some(id) = upstream_request_id {
        head.headers.insert("x-upstream-request-id", id);
    }
    head.version = http::Version::HTTP_11;
    let mut body = ResponseBody::new(exchange, takes_trailers);
    if (may_be_small || has_no_body) && body.read_whole(COST_HEADER_BODY_BYTES, COST_HEADER_WAIT).await? {
        if let Some(cost) = body.cost_header() {
            head.headers.insert(COST_HEADER, cost);
        }
        return Ok(Response::from_parts(head, Body::from(body.into_bytes())));
    }
    body.admitted().await?;
    if takes_trailers && !head.headers.contains_key(header::CONTENT_LENGTH) {
        head.headers.insert(header::TRAILER, HeaderValue::from_name(COST_HEADER));
    }
    Ok(Response::from_parts(head, Body::new(body)))
}

/// What the client reads where the upstream did not answer.
fn no_answer(surface: Surface, endpoint: &LiveEndpoint, why: NoAnswer) -> Response<bytes::Bytes> {
    let provider = endpoint.entry.provider_name.as_deref().unwrap_or("the upstream");
    let (code, message) = match why {
        NoAnswer::Unreachable => (
            "upstream_unreachable",
            format!("{provider} could not be reached or broke off. The request was not repeated."),
        ),
        NoAnswer::TimedOut => {
            ("upstream_timeout", format!("{provider} did not answer in time. The request was not repeated."))
        }
        NoAnswer::Unrecordable => return Refusal::Unrecordable.response(surface),
        NoAnswer::RequestBody(BodyFailure::Malformed(error)) => (error.code(), format!("{error}.")),
        NoAnswer::RequestBody(BodyFailure::Client(ClientBodyError::TooLarge { limit })) => {
            let refusal = Refusal::BodyTooLarge { limit };
            (refusal.status_and_code().1, refusal.to_string())
        }
        NoAnswer::RequestBody(BodyFailure::Client(_)) => {
            ("incomplete_body", "The request body did not arrive whole.".to_owned())
        }
    };
    error_response(surface, why.status(), code, &message)
}

/// The id of its record, and how its limits stand.
fn with_own_headers(
    mut response: Response<Body>,
    id: &str,
    surface: Surface,
    told: Option<Told>,
) -> Response<Body> {
    if let Some(told) = told {
        told.write(response.headers_mut(), surface);
    }
    if let Ok(id) = HeaderValue::from_str(id) {
        response.headers_mut().insert("x-request-id", id);
    }
    response
}

fn takes_trailers(headers: &HeaderMap) -> bool {
    let named = |value: &HeaderValue| {
        let value = value.to_str().unwrap_or_default();
        value.split(',').any(|coding| coding.trim().eq_ignore_ascii_case("trailers"))
    };
    headers.get_all(header::TE).iter().any(named)
}

fn is_json(headers: &HeaderMap) -> bool {
    let media_type = text(headers, &header::CONTENT_TYPE).and_then(|value| value.split(';').next());
    media_type.is_some_and(|media_type| media_type.trim().eq_ignore_ascii_case("application/json"))
}

fn text(headers: &HeaderMap, name: impl header::AsHeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok()
}
