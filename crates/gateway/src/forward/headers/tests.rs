//! Claims about headers; what an upstream really gets is claimed in `tests/it/`.

use super::*;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_static(value));
    }
    headers
}

fn accepted(given: &[(&'static str, &'static str)]) -> String {
    let mut headers = headers(given);
    for_upstream(&mut headers, "secret", false);
    headers[header::ACCEPT_ENCODING].to_str().unwrap().to_owned()
}

#[test]
fn only_encodings_that_usage_can_be_read_through_are_asked_for() {
    assert_eq!(accepted(&[]), "identity");
    assert_eq!(accepted(&[("accept-encoding", "gzip;q=1.0, DCB, br;q=0.5")]), "gzip;q=1.0, br;q=0.5");
    assert_eq!(accepted(&[("accept-encoding", "zstd"), ("accept-encoding", "deflate")]), "zstd, deflate");
    assert_eq!(accepted(&[("accept-encoding", "*")]), "identity");
}

#[test]
fn a_header_named_in_connection_is_gone_however_it_is_written() {
    let mut given = headers(&[
        ("connection", "close , X-One"),
        ("connection", "x-two,,"),
        ("x-one", "1"),
        ("x-two", "2"),
        ("x-three", "3"),
    ]);
    for_upstream(&mut given, "secret", false);
    assert_eq!(given.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-three", "accept-encoding"]);
}

#[test]
fn a_length_that_no_longer_holds_is_not_returned() {
    let mut given = headers(&[("content-length", "5"), ("content-type", "text/plain")]);
    for_client(&mut given, true);
    assert!(given.contains_key("content-length"));
    for_client(&mut given, false);
    assert!(!given.contains_key("content-length"));
}

#[test]
fn an_underscore_disguises_no_header() {
    let disguised = [
        ("x_tollgate_batch_id", "1"),
        ("x_tollgate-cost", "1"),
        ("x_forwarded_for", "1"),
        ("openai_organization", "1"),
        ("x_api_key", "1"),
        ("proxy_authorization", "1"),
        ("content_length", "1"),
        ("accept_encoding", "rot13"),
        ("set_cookie", "1"),
        ("an_innocent", "1"),
    ];
    let mut given = headers(&disguised);
    for_upstream(&mut given, "secret", false);
    assert_eq!(given.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["an_innocent", "accept-encoding"]);
    let mut given = headers(&disguised);
    for_client(&mut given, true);
    assert_eq!(given.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["an_innocent"]);
}
