//! A browser, as far as a sign-in needs one: it follows redirects, fills in a form, and keeps cookies as `SameSite` has it.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

use crate::harness::PATIENCE;

/// Most redirects that are followed.
const MOST_HOPS: usize = 20;

#[derive(Debug, Clone)]
struct Cookie {
    value: String,
    is_strict: bool,
}

/// Where a browser has come to.
#[derive(Debug)]
pub(super) struct Page {
    pub(super) url: String,
    pub(super) status: StatusCode,
    pub(super) text: String,
}

/// One browser. A site is a host, whatever the port.
#[derive(Debug, Clone)]
pub(super) struct Browser {
    client: Client<HttpConnector, Full<Bytes>>,
    /// By host and name.
    cookies: BTreeMap<(String, String), Cookie>,
    /// Every address that it went to.
    pub(super) visited: Vec<String>,
}

impl Browser {
    pub(super) fn new() -> Self {
        let client = Client::builder(TokioExecutor::new()).build_http();
        Self { client, cookies: BTreeMap::new(), visited: Vec::new() }
    }

    /// Types an address, or follows a link of a page of this host.
    pub(super) async fn visit(&mut self, url: &str, from_host: &str) -> Page {
        self.navigate(Method::GET, url.to_owned(), String::new(), from_host).await
    }

    /// Sends the one form of a page, with these fields beside those that it has.
    pub(super) async fn submit(&mut self, page: &Page, fields: &[(&str, &str)]) -> Page {
        let form = page.text.split("<form").nth(1).unwrap_or_else(|| panic!("no form in {}", page.text));
        let action = attribute(form, "action");
        let hidden: Vec<(String, String)> = form
            .split("<input")
            .skip(1)
            .filter(|input| input.split('>').next().is_some_and(|input| input.contains("type=\"hidden\"")))
            .map(|input| (attribute(input, "name"), attribute(input, "value")))
            .collect();
        let mut body = form_urlencoded::Serializer::new(String::new());
        for (name, value) in hidden {
            body.append_pair(&name, &value);
        }
        for (name, value) in fields {
            body.append_pair(name, value);
        }
        let url = joined(&page.url, &action);
        let host = host(&page.url);
        self.navigate(Method::POST, url, body.finish(), &host).await
    }

    /// What a script of a page of this server would read.
    pub(super) async fn fetch(&self, url: &str) -> (StatusCode, String) {
        let (status, _, text) = self.send(&Method::GET, url, String::new(), &host(url)).await;
        (status, text)
    }

    /// The value of a cookie.
    pub(super) fn cookie(&self, host: &str, name: &str) -> Option<&str> {
        self.cookies.get(&(host.to_owned(), name.to_owned())).map(|cookie| cookie.value.as_str())
    }

    async fn navigate(&mut self, method: Method, url: String, body: String, from_host: &str) -> Page {
        let (mut method, mut url, mut body) = (method, url, body);
        for _ in 0..MOST_HOPS {
            self.visited.push(url.clone());
            let (status, headers, text) = self.send(&method, &url, body, from_host).await;
            for set in headers.get_all(header::SET_COOKIE) {
                self.keep(&host(&url), set.to_str().unwrap());
            }
            let Some(to) = headers.get(header::LOCATION).filter(|_| status.is_redirection()) else {
                return Page { url, status, text };
            };
            (method, body) = (Method::GET, String::new());
            url = joined(&url, to.to_str().unwrap());
        }
        panic!("led in circles: {:?}", self.visited);
    }

    async fn send(
        &self,
        method: &Method,
        url: &str,
        body: String,
        from_host: &str,
    ) -> (StatusCode, http::HeaderMap, String) {
        let to = host(url);
        let is_same_site = to == from_host;
        let cookies = self.cookies.iter().filter(|((of, _), cookie)| {
            *of == to && (is_same_site || (!cookie.is_strict && *method == Method::GET))
        });
        let cookies: Vec<String> =
            cookies.map(|((_, name), cookie)| format!("{name}={}", cookie.value)).collect();
        let site = if is_same_site { "same-origin" } else { "cross-site" };
        let request = Request::builder()
            .method(method)
            .uri(url.split('#').next().unwrap())
            .header(header::COOKIE, cookies.join("; "))
            .header("sec-fetch-site", site)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::from(body))
            .unwrap();
        let answered = tokio::time::timeout(PATIENCE, self.client.request(request)).await;
        let (head, body) = answered.expect("an answer in time").unwrap().into_parts();
        let text = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        (head.status, head.headers, text)
    }

    fn keep(&mut self, host: &str, set: &str) {
        let mut parts = set.split(';').map(str::trim);
        let (name, value) = parts.next().unwrap().split_once('=').unwrap();
        let attributes: Vec<String> = parts.map(str::to_lowercase).collect();
        let key = (host.to_owned(), name.to_owned());
        let is_over = |attribute: &String| {
            attribute == "max-age=0" || attribute.starts_with("expires=thu, 01 jan 1970")
        };
        if attributes.iter().any(is_over) {
            self.cookies.remove(&key);
            return;
        }
        let is_strict = attributes.iter().any(|attribute| attribute == "samesite=strict");
        self.cookies.insert(key, Cookie { value: value.to_owned(), is_strict });
    }
}

pub(super) fn host(url: &str) -> String {
    url.parse::<Uri>().unwrap().host().unwrap().to_owned()
}

/// Where a link of a page leads.
fn joined(page: &str, link: &str) -> String {
    if link.contains("://") {
        return link.to_owned();
    }
    let page: Uri = page.split('#').next().unwrap().parse().unwrap();
    format!("{}://{}{link}", page.scheme_str().unwrap(), page.authority().unwrap())
}

fn attribute(tag: &str, name: &str) -> String {
    let (_, rest) = tag.split_once(&format!("{name}=\"")).unwrap_or_else(|| panic!("no {name} in {tag}"));
    rest.split('"').next().unwrap().to_owned()
}
