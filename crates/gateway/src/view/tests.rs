//! Claims about balances and the configuration.

use std::collections::BTreeMap;

use proptest::prelude::*;
use secrecy::SecretString;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, EndpointId, KeyDigest, ModelId};
use uuid::Uuid;

use super::target::{BaseUrl, PathPattern};
use super::*;

fn user(number: u128) -> UserId {
    UserId::from_uuid(Uuid::from_u128(number))
}

fn pico(amount: i128) -> Credits {
    Credits::from_pico(amount).unwrap()
}

fn update(full: bool, balances: &[(u128, i128)], committed_position: i64) -> BalanceUpdate {
    let balances = balances.iter().map(|&(number, amount)| (user(number), pico(amount))).collect();
    BalanceUpdate { full, balances, committed_position }
}

#[test]
fn an_own_debit_counts_at_once_and_until_a_snapshot_includes_it() {
    let view = LiveView::new();
    view.apply_balances(update(true, &[(1, 100)], 0));
    view.debit(user(1), 1, pico(30));
    view.debit(user(1), 2, pico(20));
    assert_eq!(view.available(user(1)), pico(50));
    // The snapshot has the first of the two.
    view.apply_balances(update(false, &[(1, 70)], 1));
    assert_eq!((view.available(user(1)), view.pending()), (pico(50), pico(20)));
    view.apply_balances(update(false, &[(1, 50)], 2));
    assert_eq!((view.available(user(1)), view.pending()), (pico(50), pico(0)));
}

#[test]
fn a_debit_that_a_snapshot_overtook_is_not_counted_twice() {
    let view = LiveView::new();
    view.apply_balances(update(true, &[(1, 70)], 5));
    view.debit(user(1), 5, pico(30));
    assert_eq!(view.available(user(1)), pico(70));
}

#[test]
fn a_full_snapshot_forgets_those_it_does_not_name_but_not_their_debits() {
    let view = LiveView::new();
    view.apply_balances(update(true, &[(1, 100), (2, 100)], 0));
    view.debit(user(1), 1, pico(30));
    view.apply_balances(update(true, &[(2, 90)], 0));
    assert_eq!(view.available(user(1)), pico(-30));
    assert_eq!(view.available(user(2)), pico(90));
    assert_eq!(view.available(user(3)), pico(0));
}

#[test]
fn an_older_snapshot_that_arrives_later_brings_no_debit_back() {
    let view = LiveView::new();
    view.apply_balances(update(true, &[(1, 100)], 3));
    view.apply_balances(update(false, &[], 1));
    view.debit(user(1), 2, pico(10));
    assert_eq!(view.available(user(1)), pico(100));
}

proptest! {
    /// Whatever the order of finishing, committing and looking: what is available is the true balance.
    #[test]
    fn available_is_always_the_balance_less_all_finished(
        costs in proptest::collection::vec((0_u128..3, 0_i128..1000), 1..60),
        looks in proptest::collection::vec(0_usize..60, 0..20),
    ) {
        let view = LiveView::new();
        view.apply_balances(update(true, &[(0, 5000), (1, 5000), (2, 5000)], 0));
        let mut finished = [5000_i128; 3];
        for (index, &(who, cost)) in costs.iter().enumerate() {
            let position = i64::try_from(index).unwrap() + 1;
            view.debit(user(who), position, pico(cost));
            finished[usize::try_from(who).unwrap()] -= cost;
            // A snapshot of some prefix of the records.
            if let Some(look) = looks.get(index) {
                let prefix = (*look).min(index + 1);
                let mut committed = [5000_i128; 3];
                for &(who, cost) in &costs[..prefix] {
                    committed[usize::try_from(who).unwrap()] -= cost;
                }
                let already = looks[..index].iter().enumerate().map(|(at, look)| (*look).min(at + 1)).max();
                if already.is_none_or(|already| prefix >= already) {
                    let balances: Vec<(u128, i128)> = (0..).zip(committed).collect();
                    view.apply_balances(update(false, &balances, i64::try_from(prefix).unwrap()));
                }
            }
            for (who, expected) in (0..).zip(finished) {
                prop_assert_eq!(view.available(user(who)), pico(expected));
            }
        }
    }
}

fn endpoint(name: &str, base_url: &str) -> EndpointEntry {
    EndpointEntry {
        id: EndpointId::generate(),
        name: name.to_owned(),
        base_url: base_url.to_owned(),
        provider_name: None,
        auth_style: AuthStyle::Bearer,
        secret: None,
        inject_usage: true,
        on_disconnect: OnDisconnect::Drain,
        on_missing_usage: OnMissingUsage::Estimate,
        path_templates: BTreeMap::new(),
        pass_through_paths: Vec::new(),
    }
}

#[test]
fn what_cannot_be_used_is_left_out_and_named_and_the_rest_is_in_force() {
    let good = endpoint("good", "https://api.example.com/v1");
    let mut secret = endpoint("secret", "https://api.example.com");
    secret.secret = Some(SecretString::from("sk-line\nbreak"));
    let bad = endpoint("bad", "api.example.com");
    let model = |alias: &str, endpoint: &EndpointEntry| ModelEntry {
        id: ModelId::generate(),
        alias: alias.to_owned(),
        endpoint: endpoint.id,
        upstream_model: alias.to_owned(),
        created_at: jiff::Timestamp::UNIX_EPOCH,
    };
    let models = vec![model("a", &good), model("b", &bad), model("c", &secret)];
    let view = LiveView::new();
    let config = Config { models, endpoints: vec![good, bad, secret], ..Config::default() };
    let problems: Vec<String> = view.replace_config(config).iter().map(ToString::to_string).collect();
    assert_eq!(problems.len(), 4, "{problems:?}");
    assert!(problems[0].contains("write it like https://"), "{}", problems[0]);
    assert!(problems[1].contains("line break") && !problems[1].contains("sk-"), "{}", problems[1]);
    let snapshot = view.snapshot();
    assert!(snapshot.model("a").is_some() && snapshot.model("b").is_none() && snapshot.model("c").is_none());
}

#[test]
fn a_revoked_key_is_not_in_force() {
    let key = |byte: u8, revoked| KeyEntry {
        id: ApiKeyId::generate(),
        digest: KeyDigest::from_bytes([byte; 32]),
        user: user(1),
        purpose: ApiKeyPurpose::Realtime,
        trusted: false,
        revoked,
        revoke_at: None,
    };
    let end = jiff::Timestamp::from_second(1_000).unwrap();
    let replaced = KeyEntry { revoke_at: Some(end), ..key(3, false) };
    let view = LiveView::new();
    view.replace_config(Config { keys: vec![key(1, false), key(2, true), replaced], ..Config::default() });
    let snapshot = view.snapshot();
    let is_live = |byte: u8, at| snapshot.key(&KeyDigest::from_bytes([byte; 32]), at).is_some();
    assert!(is_live(1, end) && !is_live(2, end));
    // One that was replaced ends by the clock, without news from the database.
    let just_before = end.checked_sub(jiff::SignedDuration::from_micros(1)).unwrap();
    assert!(is_live(3, just_before) && !is_live(3, end));
}

#[test]
fn a_base_url_is_refused_with_the_reason() {
    for (url, reason) in [
        ("example.com", "no scheme"),
        ("ftp://example.com", "neither http nor https"),
        ("https://user:pass@example.com", "user name or password"),
        ("https://example.com?a=b", "path template"),
        ("https://exa mple.com", "no URL"),
    ] {
        let error = BaseUrl::parse(url).unwrap_err();
        assert!(error.contains(reason), "{url}: {error}");
        assert!(!error.contains("pass@"));
    }
    let base = BaseUrl::parse("https://[::1]:8443/proxy/").unwrap();
    assert_eq!((base.host(), base.port(), base.is_https()), ("::1", 8443, true));
    assert_eq!(BaseUrl::parse("http://a.example").unwrap().port(), 80);
}

#[test]
fn an_address_is_prefix_and_route_with_the_version_once() {
    for (base, path, expected) in [
        ("https://a.example", "/v1/chat/completions", "https://a.example/v1/chat/completions"),
        ("https://a.example/v1", "/v1/chat/completions", "https://a.example/v1/chat/completions"),
        ("https://a.example/openai/v1/", "/v1/embeddings", "https://a.example/openai/v1/embeddings"),
        (
            "https://a.example/v1",
            "/v1beta/models/m:generateContent",
            "https://a.example/v1/v1beta/models/m:generateContent",
        ),
        ("https://a.example/proxy", "/v1/messages", "https://a.example/proxy/v1/messages"),
    ] {
        let (snapshot, problems) = Snapshot::build(Config {
            endpoints: vec![EndpointEntry {
                pass_through_paths: vec!["/*".to_owned()],
                ..endpoint("a", base)
            }],
            ..Config::default()
        });
        assert_eq!(problems, []);
        let (endpoint, template) = snapshot.passing("/any").next().unwrap();
        let target = Target { endpoint, route_template: template, path, query: None, upstream_model: None };
        assert_eq!(target.uri().unwrap().to_string(), expected);
    }
}

#[test]
fn a_template_fills_in_the_model_and_keeps_its_own_parameters() {
    let mut entry = endpoint("azure", "https://a.example");
    entry
        .path_templates
        .insert("/v1/chat/completions".to_owned(), "/d/{model}/chat?api-version=1".to_owned());
    entry.pass_through_paths.push("/*".to_owned());
    let (snapshot, _) = Snapshot::build(Config { endpoints: vec![entry], ..Config::default() });
    let (endpoint, _) = snapshot.passing("/any").next().unwrap();
    let target = Target {
        endpoint,
        route_template: "/v1/chat/completions",
        path: "/v1/chat/completions",
        query: Some("api-version=2&x=y&api%2Dversion=3&z;api-version=4&=&;w"),
        upstream_model: Some("gpt 4?#"),
    };
    assert_eq!(
        target.uri().unwrap().to_string(),
        "https://a.example/d/gpt%204%3F%23/chat?api-version=1&x=y&=&;w"
    );
}

#[test]
fn a_pattern_matches_segment_by_segment_and_cannot_be_climbed_out_of() {
    let matches = |pattern: &str, path: &str| PathPattern::parse(pattern).unwrap().matches(path);
    assert!(matches("/v1/files", "/v1/files") && !matches("/v1/files", "/v1/files/"));
    assert!(matches("/v1/files/{id}", "/v1/files/a") && !matches("/v1/files/{id}", "/v1/files/"));
    assert!(matches("/v1/files/{id}/content", "/v1/files/a/content"));
    assert!(matches("/v1/images/*", "/v1/images/a/b") && !matches("/v1/images/*", "/v1/image/a"));
    for path in [
        "/v1/images/../files",
        "/v1/images/%2e%2E/files",
        "/v1/images/..%2ffiles",
        "/v1/images/.",
        "/v1/images/a\\b",
    ] {
        assert!(!matches("/v1/images/*", path), "{path}");
    }
    for pattern in ["v1/files", "/v1/*/files", "/v1/**", "/v1?a"] {
        assert!(PathPattern::parse(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn an_endpoint_that_would_not_do_what_it_says_is_told_before_it_is_used() {
    let usable = || EndpointEntry {
        secret: Some(SecretString::from("sk-1")),
        path_templates: [("/v1/embeddings".to_owned(), "/d/{model}/e?v=1".to_owned())].into(),
        pass_through_paths: vec!["/v1/images/*".to_owned(), "/v1beta/models/{model}:countTokens".to_owned()],
        ..endpoint("a", "https://a.example/v1")
    };
    assert_eq!(usable().check(), Ok(()));
    let template = |route: &str, to: &str| EndpointEntry {
        path_templates: [(route.to_owned(), to.to_owned())].into(),
        ..usable()
    };
    assert_eq!(template("/v1/images/*", "/i").check(), Ok(()));
    let passing = |path: &str| EndpointEntry { pass_through_paths: vec![path.to_owned()], ..usable() };
    for (entry, said) in [
        (EndpointEntry { secret: Some(SecretString::from("a\nb")), ..usable() }, "line break"),
        (template("/v1/embedding", "/e"), "`/v1/embedding` is no route"),
        (template("/v1/embeddings", "/e e"), "makes no valid address"),
        (passing("/v1/*/files"), "last segment"),
        (passing("/v1/chat/completions"), "served already"),
        (passing("/v1/models/m:generateContent"), "served already"),
    ] {
        let problem = entry.check().unwrap_err();
        assert!(problem.contains(said) && !problem.contains("a\nb"), "{problem}");
    }
}
