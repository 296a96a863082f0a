//! The dashboard: files that come with the program, and nothing from elsewhere.
//!
//! They are built from `dashboard/` by `cargo demo`, `cargo ui-test` or npm, never by this crate. A program that was built without them
//! shows a page that says how. A debug build reads them from disk at each request.

use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use rust_embed::{EmbeddedFile, RustEmbed};

use crate::extract::Path;
use crate::problem::Problem;

#[derive(RustEmbed)]
#[folder = "../../dashboard/dist"]
#[allow_missing = true]
struct Dist;

/// The page of a program that was built without the dashboard.
const NOT_BUILT: &str = include_str!("dashboard/not_built.html");
/// Everything from here, nothing inline, in nobody's frame.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Names of these files change with their contents.
const FOR_EVER: HeaderValue = HeaderValue::from_static("public, max-age=31536000, immutable");

/// The dashboard. Its pages are told apart behind the `#`, so there is one of it.
#[utoipa::path(get, path = "/", tag = "dashboard",
    responses((status = 200, description = "The page", content_type = "text/html")))]
pub(crate) async fn index() -> Response {
    Dist::get("index.html").map_or_else(not_built, |file| respond(file, "text/html; charset=utf-8"))
}

fn not_built() -> Response {
    let headers =
        [(header::CONTENT_TYPE, "text/html; charset=utf-8"), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, NOT_BUILT).into_response()
}

/// The sign of the dashboard in a browser's tab.
#[utoipa::path(get, path = "/favicon.svg", tag = "dashboard",
    responses((status = 200, description = "A picture", content_type = "image/svg+xml")))]
pub(crate) async fn favicon() -> Result<Response, Problem> {
    Dist::get("favicon.svg")
        .map(|file| respond(file, "image/svg+xml"))
        .ok_or_else(|| Problem::no_such("file"))
}

/// A file of the dashboard.
#[utoipa::path(get, path = "/assets/{file}", tag = "dashboard", params(("file" = String, Path)),
    responses((status = 200, description = "The file", content_type = "application/octet-stream"),
              (status = 304, description = "The client has it")))]
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Result<Response, Problem> {
    // A debug build looks on the disk: what is no plain name leads nowhere else.
    let is_plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    let found = is_plain.then(|| Dist::get(&format!("assets/{name}"))).flatten();
    let file = found.ok_or_else(|| Problem::no_such("file"))?;
    if headers.contains_key(header::IF_NONE_MATCH) {
        // Another content has another name: whoever has this name has the file.
        return Ok((StatusCode::NOT_MODIFIED, [(header::CACHE_CONTROL, FOR_EVER)]).into_response());
    }
    let kind = content_type(&name);
    let mut response = respond(file, kind);
    response.headers_mut().insert(header::CACHE_CONTROL, FOR_EVER);
    Ok(response)
}

fn respond(file: EmbeddedFile, content_type: &'static str) -> Response {
    let headers = [(header::CONTENT_TYPE, content_type), (header::CONTENT_SECURITY_POLICY, POLICY)];
    (headers, file.data.into_owned()).into_response()
}

/// By the last part of a name, of the few kinds that there are.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("woff2") => "font/woff2",
        Some("svg") => "image/svg+xml",
        Some("txt") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
