//! Claims about balances and the configuration.

use std::collections::BTreeMap;

use proptest::prelude::*;
use secrecy::SecretString;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, EndpointId, KeyDigest, ModelId, PricePerToken};
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

fn debit(view: &LiveView, who: u128, position: i64, cost: i128) {
    view.end_hold(user(who), None, HoldEnd::Charged { position, cost: pico(cost) });
}

#[test]
fn an_own_debit_counts_at_once_and_until_a_snapshot_includes_it() {
    let view = LiveView::new();
    view.apply_balances(update(true, &[(1, 100)], 0));
    debit(&view, 1, 1, 30);
    debit(&view, 1, 2, 20);
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
    debit(&view, 1, 5, 30);
    assert_eq!(view.available(user(1)), pico(70));
}

#[test]
fn a_full_snapshot_forgets_those_it_does_not_name_but_not_their_debits() {
    let view = LiveView::new();
    view.apply_balances(update(true, &[(1, 100), (2, 100)], 0));
    debit(&view, 1, 1, 30);
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
    debit(&view, 1, 2, 10);
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
            debit(&view, who, position, cost);
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

fn bounded(expected: i128, most: i128) -> Estimate {
    Estimate {
        expected: pico(expected),
        expected_tokens: 0,
        most: pico(most),
        prompt: Credits::ZERO,
        per_token: PricePerToken::ZERO,
        is_bounded: true,
    }
}

fn unbounded(expected: i128, most: i128) -> Estimate {
    Estimate { is_bounded: false, ..bounded(expected, most) }
}

fn funded(amount: i128) -> Arc<LiveView> {
    let view = Arc::new(LiveView::new());
    view.apply_balances(update(true, &[(1, amount)], 0));
    view
}

#[test]
fn those_in_flight_share_the_money_and_do_not_spend_it_twice() {
    let view = funded(100);
    let first = view.hold(user(1), bounded(10, 60), WhenSpent::Finish).unwrap();
    assert_eq!(
        view.hold(user(1), bounded(10, 60), WhenSpent::Finish).unwrap_err(),
        Short { balance: pico(100), held: pico(60) }
    );
    let second = view.hold(user(1), bounded(10, 40), WhenSpent::Finish).unwrap();
    assert!(view.hold(user(1), bounded(1, 1), WhenSpent::Finish).is_err());
    first.end(HoldEnd::Charged { position: 1, cost: pico(15) });
    assert_eq!(view.available(user(1)), pico(85));
    let third = view.hold(user(1), bounded(10, 45), WhenSpent::Finish).unwrap();
    let Holds { count, at_most, unbounded, .. } = view.holds();
    assert_eq!((count, at_most, unbounded), (2, pico(85), 0));
    second.end(HoldEnd::Free);
    drop(third);
    assert_eq!(view.holds(), Holds::default());
    assert_eq!(view.available(user(1)), pico(85));
}

#[test]
fn a_hold_is_what_is_expected_while_there_is_money_and_the_most_as_soon_as_there_is_not() {
    let view = funded(200);
    let held = || (view.holds().held, view.holds().at_most);
    let first = view.hold(user(1), bounded(10, 80), WhenSpent::Finish).unwrap();
    // 190 are left beside what is expected, and cover the eighty.
    assert_eq!(held(), (pico(10), pico(80)));
    let second = view.hold(user(1), bounded(10, 80), WhenSpent::Finish).unwrap();
    assert_eq!(held(), (pico(20), pico(160)));
    // 180 would do for those two, and not for a third.
    let third = view.hold(user(1), bounded(10, 40), WhenSpent::Finish).unwrap();
    assert_eq!(held(), (pico(200), pico(200)));
    assert!(
        view.hold(user(1), bounded(0, 1), WhenSpent::Finish).is_err(),
        "what may be spent is not there twice"
    );
    drop(third);
    assert_eq!(held(), (pico(20), pico(160)));
    first.end(HoldEnd::Charged { position: 1, cost: pico(70) });
    // Of 130.
    assert_eq!(held(), (pico(10), pico(80)));
    second.end(HoldEnd::Charged { position: 2, cost: pico(80) });
    assert_eq!(view.holds(), Holds::default());
}

#[test]
fn a_stream_that_is_longer_than_expected_holds_more_of_what_is_set_aside_for_it() {
    let view = funded(10_000);
    let estimate = Estimate {
        expected_tokens: 10,
        per_token: PricePerToken::from_pico(1).unwrap(),
        ..unbounded(10, 500)
    };
    let mut hold = view.hold(user(1), estimate, WhenSpent::Finish).unwrap();
    let mut held = |written| {
        assert!(hold.grow(written).is_none());
        (view.holds().held, view.holds().at_most)
    };
    assert_eq!(held(10), (pico(10), pico(500)));
    assert_eq!(held(110), (pico(174), pico(500)));
    assert_eq!(held(400), (pico(500), pico(500)));
    // Past that more is set aside.
    assert_eq!(held(500), (pico(500), pico(1012)));
    assert_eq!(held(601), (pico(801), pico(1012)));
    drop(hold);
    assert_eq!(view.holds(), Holds::default());
}

#[test]
fn a_request_without_a_limit_goes_alone_where_it_may_cost_more_than_is_left() {
    let view = funded(100);
    let alone = view.hold(user(1), unbounded(50, 400), WhenSpent::Finish).unwrap();
    assert!(view.hold(user(1), unbounded(1, 1), WhenSpent::Finish).is_err());
    assert!(view.hold(user(1), bounded(1, 1), WhenSpent::Finish).is_err());
    alone.end(HoldEnd::Charged { position: 1, cost: pico(100) });
    assert!(view.hold(user(1), unbounded(50, 400), WhenSpent::Finish).is_err(), "nothing is left");
    view.apply_balances(update(false, &[(1, 1000)], 1));
    let (one, other) = (
        view.hold(user(1), unbounded(50, 400), WhenSpent::Finish),
        view.hold(user(1), unbounded(50, 400), WhenSpent::Finish),
    );
    assert!(one.is_ok() && other.is_ok());
    assert_eq!(view.holds().unbounded, 2);
}

#[test]
fn what_a_request_that_goes_alone_may_cost_beyond_its_hold_is_uncovered() {
    let view = funded(100);
    let alone = view.hold(user(1), unbounded(50, 400), WhenSpent::Finish).unwrap();
    assert_eq!(view.exposure().uncovered, pico(300));
    drop(alone);
    let other = view.hold(user(1), bounded(50, 100), WhenSpent::Finish).unwrap();
    assert_eq!(view.exposure().uncovered, pico(0));
    drop(other);
}

#[test]
fn what_a_request_costs_beyond_its_hold_overdraws_nothing_where_nobody_else_holds_it() {
    let view = funded(100);
    let one = view.hold(user(1), bounded(10, 20), WhenSpent::Finish).unwrap();
    let other = view.hold(user(1), bounded(10, 30), WhenSpent::Finish).unwrap();
    one.end(HoldEnd::Charged { position: 1, cost: pico(70) });
    assert_eq!(view.exposure().overrun, pico(0), "50 that it held not were there");
    other.end(HoldEnd::Charged { position: 2, cost: pico(35) });
    assert_eq!(view.exposure().overrun, pico(5));
    assert_eq!(view.available(user(1)), pico(-5));
}

#[test]
fn a_request_with_a_limit_is_refused_where_it_may_cost_more_than_is_left() {
    let view = funded(100);
    assert_eq!(
        view.hold(user(1), bounded(1, 101), WhenSpent::Finish).unwrap_err(),
        Short { balance: pico(100), held: pico(0) }
    );
    assert!(view.hold(user(1), bounded(1, 100), WhenSpent::Finish).is_ok());
}

#[test]
fn credits_that_are_taken_away_while_requests_run_leave_nothing_for_others() {
    let view = funded(100);
    let running = view.hold(user(1), bounded(10, 60), WhenSpent::Finish).unwrap();
    view.apply_balances(update(false, &[(1, 50)], 0));
    assert!(view.hold(user(1), bounded(0, 1), WhenSpent::Finish).is_err());
    running.end(HoldEnd::Charged { position: 1, cost: pico(20) });
    assert!(view.hold(user(1), bounded(0, 30), WhenSpent::Finish).is_ok());
}

proptest! {
    /// Requests of text with a limit come, end and are dropped in any order, while snapshots come late or not at all: what they
    /// cost together is never more than there was.
    #[test]
    fn bounded_requests_never_overdraw(
        steps in proptest::collection::vec((0_usize..4, 0_i128..200, 0_usize..100, 0_i128..=100), 1..200),
    ) {
        let view = funded(1000);
        let (mut holds, mut spent, mut position, mut refused) = (Vec::new(), 0, 0, 0);
        for (what, most, which, percent) in steps {
            match what {
                0 | 1 => match view.hold(user(1), bounded(most / 2, most), WhenSpent::Finish) {
                    Ok(hold) => holds.push((hold, most)),
                    Err(Short { held, .. }) => {
                        refused += 1;
                        prop_assert!(spent + held.pico() + most > 1000, "not refused while money is there");
                    }
                },
                2 if !holds.is_empty() => {
                    let (hold, most) = holds.remove(which % holds.len());
                    let cost = most * percent / 100;
                    position += 1;
                    spent += cost;
                    hold.end(if cost > 0 { HoldEnd::Charged { position, cost: pico(cost) } } else { HoldEnd::Free });
                }
                3 if !holds.is_empty() => drop(holds.remove(which % holds.len())),
                _ => view.apply_balances(update(false, &[(1, 1000 - spent)], position)),
            }
            prop_assert!(spent <= 1000, "{refused} refused");
        }
        drop(holds);
        prop_assert_eq!(view.holds(), Holds::default());
        prop_assert_eq!(view.available(user(1)), pico(1000 - spent));
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
        public_only: false,
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
        when_spent: WhenSpent::Finish,
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
