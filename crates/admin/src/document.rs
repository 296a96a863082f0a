//! The OpenAPI document, made from the table of routes, and Swagger UI, which shows it without the internet.

use std::sync::{Arc, LazyLock};

use axum::Json;
use axum::response::{IntoResponse, Redirect, Response};
use http::{HeaderValue, header};
use utoipa::OpenApi;
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{
    ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityRequirement, SecurityScheme,
};
use utoipa::openapi::{self, ContentBuilder, RefOr, Response as Answer, ResponseBuilder};
use utoipa::{PartialSchema, ToSchema};

use crate::extract::Path;
use crate::problem::{Kind, Problem, ProblemDetails};
use crate::table::{Access, Line, lines};

/// Where the document is.
pub const OPENAPI_PATH: &str = "/admin/api/v1/openapi.json";
const SECURITY: &str = "key";
const COOKIE: &str = "session";
const PROBLEM: &str = "Problem";

#[derive(OpenApi)]
#[openapi(info(
    title = "Tollgate management API",
    description = "Users, keys, credits, prices and usage of a Tollgate installation. Every request carries a key, \
                   `Authorization: Bearer tg-…`, or the cookie of a session. Amounts are decimals as text, exact to twelve places."
))]
struct Frame;

/// What every route may answer.
const EVERYWHERE: [(Kind, &str); 5] = [
    (Kind::BadRequest, "The request cannot be read"),
    (Kind::NotFound, "There is no such thing, or it is not the caller's"),
    (Kind::Invalid, "The request makes no sense"),
    (Kind::Internal, "The server could not do this"),
    (Kind::Unavailable, "The database does not answer"),
];
/// What a route behind a door may answer, too.
const BEHIND_A_DOOR: [(Kind, &str); 3] = [
    (Kind::Unauthenticated, "No live key or session was sent"),
    (Kind::Forbidden, "The caller's role does not allow it, or the request by cookie lacks its token"),
    (Kind::TooManyReports, "Other reports are being read"),
];
/// What a route that writes may answer, too.
const WRITING: [(Kind, &str); 3] = [
    (Kind::Conflict, "It conflicts with what is there"),
    (Kind::TooLarge, "The body is too large"),
    (Kind::UnsupportedMediaType, "The body is no JSON"),
];

static DOCUMENT: LazyLock<openapi::OpenApi> = LazyLock::new(document);

fn document() -> openapi::OpenApi {
    let mut document = Frame::openapi();
    let mut components = document.components.take().unwrap_or_default();
    components.schemas.insert(PROBLEM.to_owned(), ProblemDetails::schema());
    let mut nested = Vec::new();
    ProblemDetails::schemas(&mut nested);
    components.schemas.extend(nested);
    components.security_schemes.insert(
        SECURITY.to_owned(),
        RefOr::T(SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build())),
    );
    components.security_schemes.insert(COOKIE.to_owned(), RefOr::T(SecurityScheme::ApiKey(ApiKey::Cookie(
        ApiKeyValue::with_description(
            "tollgate_session",
            "Of a person who signed in; behind TLS its name begins with `__Host-`. Requests other than GET and HEAD carry the \
             session's `csrf_token` in `x-csrf-token`.",
        ),
    ))));
    for Line { access, routes: (schemas, mut paths, _) } in lines() {
        components.schemas.extend(schemas);
        for (path, item) in &mut paths.paths {
            for (method, operation, writes) in [
                ("get", &mut item.get, false),
                ("post", &mut item.post, true),
                ("put", &mut item.put, true),
                ("patch", &mut item.patch, true),
                ("delete", &mut item.delete, true),
            ] {
                if let Some(operation) = operation {
                    operation.operation_id = Some(operation_id(method, path));
                    complete(operation, access, writes);
                }
            }
        }
        document.paths.merge(paths);
    }
    document.components = Some(components);
    document
}

/// The name of an operation, by which clients that are made from the document call it: `get_users_user_id_ledger`.
fn operation_id(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/admin/api/v1").unwrap_or(path);
    let words =
        path.split(|character: char| !character.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// Says of an operation what is the same for many: who may use it, and how it refuses.
fn complete(operation: &mut Operation, access: Access, writes: bool) {
    let mut answers = EVERYWHERE.to_vec();
    if access != Access::Public {
        answers.extend(BEHIND_A_DOOR);
        let by = |scheme: &str| SecurityRequirement::new(scheme, Vec::<String>::new());
        let (schemes, roles) = match access {
            Access::Roles(roles) => {
                (vec![by(SECURITY), by(COOKIE)], roles.iter().map(|role| format!("{role:?}")).collect())
            }
            _ => (vec![by(COOKIE)], vec!["everybody who is signed in".to_owned()]),
        };
        operation.security = Some(schemes);
        let said = operation.description.take().or_else(|| operation.summary.clone()).unwrap_or_default();
        operation.description = Some(format!("{said}\n\nFor: {}.", roles.join(", ")));
    }
    if writes {
        answers.extend(WRITING);
    }
    for (kind, description) in answers {
        let (status, ..) = kind.parts();
        let answer = problem(description);
        operation.responses.responses.entry(status.as_u16().to_string()).or_insert(RefOr::T(answer));
    }
}

fn problem(description: &str) -> Answer {
    let schema = RefOr::Ref(openapi::Ref::from_schema_name(PROBLEM));
    let content = ContentBuilder::new().schema(Some(schema)).build();
    ResponseBuilder::new().description(description).content("application/problem+json", content).build()
}

/// This document.
#[utoipa::path(get, path = "/admin/api/v1/openapi.json", tag = "documentation",
    responses((status = 200, description = "The OpenAPI document", content_type = "application/json")))]
pub(crate) async fn openapi() -> Json<&'static openapi::OpenApi> {
    Json(&DOCUMENT)
}

/// Leads to Swagger UI.
#[utoipa::path(get, path = "/admin/api/v1/docs", tag = "documentation",
    responses((status = 303, description = "Where it is")))]
pub(crate) async fn swagger_ui() -> Redirect {
    Redirect::to("/admin/api/v1/docs/index.html")
}

/// A file of Swagger UI, which comes with the program.
#[utoipa::path(get, path = "/admin/api/v1/docs/{file}", tag = "documentation", params(("file" = String, Path)),
    responses((status = 200, description = "The file", content(
        (String = "text/html"), (String = "text/css"), (String = "text/javascript"), (String = "image/png"),
        (String = "application/json")))))]
pub(crate) async fn swagger_file(Path(file): Path<String>) -> Result<Response, Problem> {
    // Else it asks swagger.io what it thinks of the document, wherever it is not served from this machine.
    let config = Arc::new(utoipa_swagger_ui::Config::from(OPENAPI_PATH).validator_url("none"));
    match utoipa_swagger_ui::serve(&file, config) {
        Ok(Some(file)) => {
            let mut response =
                ([(header::CONTENT_TYPE, file.content_type)], file.bytes.into_owned()).into_response();
            if file.gzpipped {
                // Kept compressed: whoever asks for these pages is a browser.
                response.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            }
            Ok(response)
        }
        Ok(None) => Err(Problem::no_such("file")),
        Err(error) => {
            tracing::error!(%error, "a file of Swagger UI could not be read");
            Err(Problem::new(Kind::Internal, "the server's log says more"))
        }
    }
}
