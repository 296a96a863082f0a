//! The one table of routes: who may do what. The router is made from it and from nothing else, so a route without a line does not
//! exist, and a role that a line does not name is refused.
//!
//! What a role may see of a route that it may use is the handler's: `Caller::scope`.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use http::{HeaderName, HeaderValue, Method, header};
use utoipa::openapi::RefOr;
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, Paths};
use utoipa_axum::router::UtoipaMethodRouter;
use utoipa_axum::routes;

use crate::app::Admin;
use crate::caller::{Means, Role, authenticate};
use crate::problem::{Kind, Problem};
use crate::{
    api_keys, audit_log, credits, dashboard, document, endpoint_check, endpoints, identities, limits, margin,
    model_costs, models, openrouter, organization, quarantine, receipts, series, sign_in, status,
    tariff_preview, tariffs, unrated, usage, users, webhooks,
};

/// Largest request body. A list of a thousand tariffs with every price takes half of it.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;
/// Most bytes of a body that says nothing.
const MAX_NO_BODY_BYTES: usize = 1024;
/// A request that has not been answered by then is given up: longer than any transaction may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(90);

/// Who may use a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Anybody: it tells nothing of anybody.
    Public,
    /// Callers of these roles.
    Roles(&'static [Role]),
    /// Whoever is signed in, whatever the role: not keys.
    SignedIn,
}

impl Access {
    /// Whether a caller of this role gets through that asks by this.
    pub fn lets_in(self, role: Role, means: Means) -> bool {
        match self {
            Self::Public => true,
            Self::Roles(roles) => roles.contains(&role),
            Self::SignedIn => means == Means::Session,
        }
    }
}

/// A route and who may use it.
pub(crate) struct Line {
    pub(crate) access: Access,
    pub(crate) routes: UtoipaMethodRouter<Admin>,
}

/// Everybody who has a key or is signed in.
const KEYS: Access = Access::Roles(&Role::ALL);
/// Those who manage something: their own or all of it.
const PLATFORM: Access = Access::Roles(&[Role::Manager, Role::BillingManager, Role::Viewer, Role::Member]);
/// Those who see all of it.
const STAFF: Access = Access::Roles(&[Role::Manager, Role::BillingManager, Role::Viewer]);
/// Those who may move money.
const MONEY: Access = Access::Roles(&[Role::Manager, Role::BillingManager]);
/// Those who make keys.
const KEY_MAKERS: Access = Access::Roles(&[Role::Manager, Role::Member]);
/// Those who look after what runs.
const WATCHERS: Access = Access::Roles(&[Role::Manager, Role::Viewer]);
/// Everything else.
const MANAGERS: Access = Access::Roles(&[Role::Manager]);

/// The table.
pub(crate) fn lines() -> Vec<Line> {
    let line = |access, routes| Line { access, routes };
    vec![
        line(STAFF, routes!(users::list)),
        line(MANAGERS, routes!(users::create)),
        line(KEYS, routes!(users::get)),
        line(MANAGERS, routes!(users::deactivate)),
        line(MANAGERS, routes!(users::set_role)),
        line(MANAGERS, routes!(sign_in::links::create)),
        line(MANAGERS, routes!(identities::list)),
        line(MANAGERS, routes!(identities::link)),
        line(MANAGERS, routes!(identities::unlink)),
        line(Access::Public, routes!(sign_in::methods)),
        line(Access::Public, routes!(sign_in::begin)),
        line(Access::Public, routes!(sign_in::oidc::begin)),
        line(Access::Public, routes!(sign_in::oidc::come_back)),
        line(Access::SignedIn, routes!(sign_in::show)),
        line(Access::SignedIn, routes!(sign_in::end)),
        line(Access::SignedIn, routes!(sign_in::end_all)),
        line(Access::SignedIn, routes!(sign_in::set_password)),
        line(PLATFORM, routes!(api_keys::list)),
        line(KEY_MAKERS, routes!(api_keys::create)),
        line(PLATFORM, routes!(api_keys::get)),
        line(KEY_MAKERS, routes!(api_keys::rotate)),
        line(KEY_MAKERS, routes!(api_keys::revoke)),
        line(MONEY, routes!(credits::enter)),
        line(KEYS, routes!(credits::ledger)),
        line(KEYS, routes!(usage::of_user)),
        line(KEYS, routes!(limits::list)),
        line(MONEY, routes!(limits::set_of_user)),
        line(MONEY, routes!(limits::set_of_key)),
        line(MANAGERS, routes!(limits::set_of_model)),
        line(KEYS, routes!(series::get)),
        line(STAFF, routes!(margin::get)),
        line(STAFF, routes!(status::get)),
        line(WATCHERS, routes!(endpoints::list)),
        line(MANAGERS, routes!(endpoints::create)),
        line(WATCHERS, routes!(endpoints::get)),
        line(MANAGERS, routes!(endpoints::set)),
        line(MANAGERS, routes!(endpoints::delete)),
        line(MANAGERS, routes!(endpoint_check::create)),
        line(STAFF, routes!(models::list)),
        line(MANAGERS, routes!(models::create)),
        line(STAFF, routes!(models::get)),
        line(MANAGERS, routes!(models::set)),
        line(MANAGERS, routes!(models::delete)),
        line(STAFF, routes!(tariffs::history)),
        line(MONEY, routes!(tariffs::replace)),
        line(STAFF, routes!(tariff_preview::create)),
        line(STAFF, routes!(model_costs::history)),
        line(MONEY, routes!(model_costs::replace)),
        line(STAFF, routes!(unrated::list)),
        line(WATCHERS, routes!(quarantine::list)),
        line(MANAGERS, routes!(quarantine::replay)),
        line(MANAGERS, routes!(quarantine::write_off)),
        line(WATCHERS, routes!(webhooks::list)),
        line(MANAGERS, routes!(webhooks::create)),
        line(MANAGERS, routes!(webhooks::remove)),
        line(MANAGERS, routes!(webhooks::send_test)),
        line(WATCHERS, routes!(webhooks::deliveries)),
        line(MONEY, routes!(webhooks::set_low_balance)),
        line(WATCHERS, routes!(audit_log::list)),
        line(WATCHERS, routes!(audit_log::head)),
        line(KEYS, routes!(receipts::get)),
        line(KEYS, routes!(organization::completions)),
        line(KEYS, routes!(organization::embeddings)),
        line(KEYS, routes!(organization::others)),
        line(KEYS, routes!(organization::costs)),
        line(KEYS, routes!(openrouter::credits)),
        line(KEYS, routes!(openrouter::key)),
        line(KEYS, routes!(openrouter::generation)),
        line(Access::Public, routes!(document::openapi)),
        line(Access::Public, routes!(document::swagger_ui)),
        line(Access::Public, routes!(document::swagger_file)),
        line(Access::Public, routes!(dashboard::index)),
        line(Access::Public, routes!(dashboard::favicon)),
        line(Access::Public, routes!(dashboard::asset)),
    ]
}

/// Method, path and access of every route, as the router has them: for tests.
pub fn doors() -> Vec<(Method, String, Access)> {
    let mut doors = Vec::new();
    for Line { access, routes: (_, paths, _) } in lines() {
        doors.extend(operations(&paths).map(|(method, path, _)| (method, path.to_owned(), access)));
    }
    doors
}

fn operations(paths: &Paths) -> impl Iterator<Item = (Method, &str, &Operation)> {
    paths.paths.iter().flat_map(|(path, item)| {
        [
            (Method::GET, &item.get),
            (Method::POST, &item.post),
            (Method::PUT, &item.put),
            (Method::PATCH, &item.patch),
            (Method::DELETE, &item.delete),
        ]
        .into_iter()
        .filter_map(move |(method, operation)| Some((method, path.as_str(), operation.as_ref()?)))
    })
}

/// What a route reads of a request beside its path, as its operation in the document says.
#[derive(Debug, Clone, Copy)]
struct Reads {
    query: bool,
    body: bool,
}

impl Reads {
    fn of(operation: &Operation) -> Self {
        let mut parameters = operation.parameters.iter().flatten();
        let is_in_query = |parameter: &RefOr<Parameter>| matches!(parameter, RefOr::T(parameter) if parameter.parameter_in == ParameterIn::Query);
        Self { query: parameters.any(is_in_query), body: operation.request_body.is_some() }
    }

    /// Refuses what the route would not look at: whoever sent it meant something by it.
    async fn check(self, request: Request) -> Result<Request, Problem> {
        if !self.query && request.uri().query().is_some_and(|query| !query.is_empty()) {
            return Err(Problem::bad_request("this route takes no parameters"));
        }
        if self.body {
            return Ok(request);
        }
        let (head, body) = request.into_parts();
        let said = to_bytes(body, MAX_NO_BODY_BYTES).await.ok();
        let says_nothing = |said: &[u8]| matches!(said.trim_ascii(), b"" | b"null" | b"{}");
        if !said.is_some_and(|said| says_nothing(&said)) {
            return Err(Problem::new(Kind::Invalid, "this route takes no body; send none"));
        }
        Ok(Request::from_parts(head, Body::empty()))
    }
}

/// The router: the lines of the table, each behind its door.
pub(crate) fn router(admin: &Admin) -> Router {
    let mut router = Router::<Admin>::new();
    for Line { access, routes: (_, paths, method_router) } in lines() {
        let reads = operations(&paths).map(|(method, _, operation)| (method, Reads::of(operation))).collect();
        let door = Door { admin: admin.clone(), access, reads: Arc::new(reads) };
        let guarded = method_router.route_layer(middleware::from_fn_with_state(door, enter));
        for path in paths.paths.into_keys() {
            router = router.route(&path, guarded.clone());
        }
    }
    router
        .fallback(async || Problem::new(Kind::NotFound, "there is no such route"))
        .method_not_allowed_fallback(async || {
            Problem::new(Kind::MethodNotAllowed, "the route has no such method; see the `Allow` header")
        })
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
        .layer(middleware::from_fn(every_response))
        .with_state(admin.clone())
}

#[derive(Clone)]
struct Door {
    admin: Admin,
    access: Access,
    reads: Arc<HashMap<Method, Reads>>,
}

impl Door {
    /// What the route reads by this method; `HEAD` is as `GET`.
    fn reads(&self, method: &Method) -> Option<Reads> {
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        self.reads.get(method).copied()
    }
}

/// Lets the callers in that the line names, with nothing that the route does not read. Until then no body is read.
async fn enter(State(door): State<Door>, request: Request, next: Next) -> Response {
    let Door { admin, access, .. } = &door;
    let access = *access;
    if access == Access::Public {
        return next.run(request).await;
    }
    match authenticate(admin, request.method(), request.headers()).await {
        Ok(caller) if access.lets_in(caller.role, caller.means()) => {
            let request = match door.reads(request.method()) {
                Some(reads) => reads.check(request).await,
                None => Ok(request),
            };
            match request {
                Ok(mut request) => {
                    request.extensions_mut().insert(caller);
                    next.run(request).await
                }
                Err(problem) => problem.into_response(),
            }
        }
        Ok(caller) => {
            let detail = match caller.means() {
                Means::Key => "the key is good, and may not do this: its role does not allow it",
                Means::Session => "you are signed in, and may not do this: your role does not allow it",
            };
            Problem::new(Kind::Forbidden, detail).into_response()
        }
        Err(problem) => problem.into_response(),
    }
}

/// What holds for every response: it comes in time, nobody keeps it, and no page of another site shows it.
async fn every_response(request: Request, next: Next) -> Response {
    let answered = tokio::time::timeout(REQUEST_TIMEOUT, next.run(request)).await;
    let mut response = answered.unwrap_or_else(|_| {
        Problem::new(Kind::Unavailable, "the request took too long and was given up").into_response()
    });
    let headers = response.headers_mut();
    let set = [
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ];
    for (name, value) in set {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Swagger UI's; the dashboard has a stricter one of its own.
    headers.entry(header::CONTENT_SECURITY_POLICY).or_insert(HeaderValue::from_static(
        "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; object-src 'none'; \
         base-uri 'none'; form-action 'self'; frame-ancestors 'none'",
    ));
    // A file that comes with the program may say otherwise; nothing that is somebody's does.
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    response
}
