//! What is read out of an answer.

use http::StatusCode;

use super::{MAX_SAID_CHARS, UpstreamState, count_models, first_words, state};

#[test]
fn models_are_counted_in_the_lists_of_all_three_apis() {
    assert_eq!(count_models(br#"{"object":"list","data":[{"id":"a"},{"id":"b"}]}"#), Some(2));
    assert_eq!(count_models(br#"{"data":[],"has_more":false}"#), Some(0));
    assert_eq!(count_models(br#"{"models":[{"name":"models/a"}]}"#), Some(1));
    for none in [&b"<html>"[..], b"{}", b"[]", br#"{"data":"x"}"#, b""] {
        assert_eq!(count_models(none), None);
    }
}

#[test]
fn of_a_refusal_its_first_words_are_told_and_never_the_credential() {
    let said = |body: &str| first_words(body.as_bytes(), "sk-secret");
    assert_eq!(
        said(r#"{"error":{"message":"Incorrect  API key\nprovided"}}"#).unwrap(),
        "Incorrect API key provided"
    );
    assert_eq!(said(r#"{"message":"no"}"#).unwrap(), "no");
    assert_eq!(said(r#"{"error":"no"}"#).unwrap(), "no");
    assert_eq!(said("<h1>It works</h1>").unwrap(), "<h1>It works</h1>");
    assert_eq!(said(&"ä".repeat(1_000)).unwrap().chars().count(), MAX_SAID_CHARS);
    // As OpenAI says it.
    assert_eq!(
        said("Incorrect API key provided: sk-secr**********cret. Look").unwrap(),
        "Incorrect API key provided: … Look"
    );
    assert_eq!(said("the key `sk-secxyz` is none").unwrap(), "the key … is none");
    for nothing in ["", " \r\n\u{7} ", "key sk-secret is wrong", r#"{"error":{"message":"sk-secret?"}}"#] {
        assert_eq!(said(nothing), None, "{nothing}");
    }
}

#[test]
fn a_status_says_what_is_wrong() {
    use UpstreamState::{CredentialRefused, Failing, NoList, Well};
    for (status, models, expected) in [
        (200, Some(3), Well),
        (200, None, NoList),
        (302, None, NoList),
        (400, None, NoList),
        (401, None, CredentialRefused),
        (403, None, CredentialRefused),
        (404, None, NoList),
        (429, None, Failing),
        (503, None, Failing),
    ] {
        assert_eq!(state(StatusCode::from_u16(status).unwrap(), models, false), expected, "{status}");
    }
    assert_eq!(state(StatusCode::BAD_REQUEST, None, true), CredentialRefused);
}
