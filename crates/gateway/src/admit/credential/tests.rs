//! Claims about credentials.

use http::HeaderValue;
use proptest::prelude::*;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    pairs
        .iter()
        .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_str(value).unwrap()))
        .collect()
}

fn secret(text: &str) -> Presented {
    Presented::Secret(text.to_owned())
}

#[test]
fn a_secret_is_found_wherever_clients_put_it() {
    for pair in [
        ("authorization", "Bearer abc"),
        ("authorization", "BEARER  abc "),
        ("x-api-key", "abc"),
        ("api-key", " abc"),
        ("x-goog-api-key", "abc"),
    ] {
        assert_eq!(presented(&headers(&[pair]), None), secret("abc"), "{pair:?}");
    }
    assert_eq!(presented(&HeaderMap::new(), Some("a=b&key=a%62c&c")), secret("abc"));
}

#[test]
fn what_is_empty_or_of_another_scheme_is_nothing() {
    for pair in [
        ("authorization", "Bearer "),
        ("authorization", "Basic abc"),
        ("x-api-key", ""),
        ("authorization", "abc"),
    ] {
        assert_eq!(presented(&headers(&[pair]), Some("key=&monkey=abc")), Presented::Nothing, "{pair:?}");
    }
}

#[test]
fn two_different_ones_are_several_and_equal_ones_are_one() {
    let both =
        |one: &str, two: &str| presented(&headers(&[("x-api-key", one), ("api-key", two)]), Some("key=abc"));
    assert_eq!(both("abc", "abc"), secret("abc"));
    assert_eq!(both("abc", "xyz"), Presented::Several);
    let mut twice = headers(&[("x-api-key", "abc")]);
    twice.append("x-api-key", HeaderValue::from_static("xyz"));
    assert_eq!(presented(&twice, None), Presented::Several);
}

#[test]
fn a_query_loses_credentials_and_nothing_else() {
    let stripped = |query| strip_query(Some(query), "s3cret");
    assert_eq!(stripped("key=s3cret"), None);
    assert_eq!(stripped("a=1&key=x&b=%20+&c&=&d=e=f").as_deref(), Some("a=1&b=%20+&c&=&d=e=f"));
    assert_eq!(stripped("KEY=x&Api_Key=x&access_token=x&a=1").as_deref(), Some("a=1"));
    assert_eq!(stripped("note=my%20s3%63ret&s3cret=1&a=b;key=x&z=1").as_deref(), Some("z=1"));
    assert_eq!(strip_query(None, "s3cret"), None);
}

#[test]
fn debug_shows_no_secret() {
    assert_eq!(format!("{:?}", secret("abc")), "Secret(…)");
}

proptest! {
    #[test]
    fn no_spelling_of_a_query_lets_the_secret_through(
        names in proptest::collection::vec("[a-zA-Z_%0-9-]{0,8}", 0..6),
        encode in proptest::collection::vec(any::<bool>(), 8),
    ) {
        let spelled: String = "s3cret-k"
            .bytes()
            .zip(encode)
            .map(|(byte, encode)| if encode { format!("%{byte:02X}") } else { char::from(byte).to_string() })
            .collect();
        let query: Vec<String> = names.iter().map(|name| format!("{name}={spelled}")).collect();
        let left = strip_query(Some(&query.join("&")), "s3cret-k").unwrap_or_default();
        prop_assert!(!decode(&left).contains("s3cret-k"), "{left}");
    }
}
