//! Lists: every row once, in one order, whatever the page; and cursors that nobody can make.

use std::collections::BTreeSet;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tollgate_domain::{ApiKeyPurpose, Credential};

use crate::house::House;
use crate::reports::Recorder;

#[tokio::test]
async fn pages_of_any_size_make_the_same_list() {
    let house = House::open().await;
    let manager = house.manager().await;
    for name in ["zoe", "Ada", "ada", "bob", "Ümit", "10", "a b"] {
        house.tenant(name, ApiKeyPurpose::Realtime, None).await;
    }
    for path in ["/admin/api/v1/users", "/admin/api/v1/api-keys", "/admin/api/v1/audit-log"] {
        let whole = house.all(&manager.key, path, 500).await;
        let ids: BTreeSet<&str> = whole.iter().map(|row| row["id"].as_str().unwrap()).collect();
        assert_eq!(ids.len(), whole.len(), "{path}");
        assert!(whole.len() >= 8, "{path}: {}", whole.len());
        for limit in [1, 2, 3, 7] {
            assert_eq!(house.all(&manager.key, path, limit).await, whole, "{path} by {limit}");
        }
    }
}

#[tokio::test]
async fn a_row_that_comes_meanwhile_moves_no_other() {
    let house = House::open().await;
    let manager = house.manager().await;
    for name in ["b", "d", "f"] {
        house.tenant(name, ApiKeyPurpose::Realtime, None).await;
    }
    let first = house.get(&manager.key, "/admin/api/v1/users?limit=2").await.ok();
    let cursor = first["next_cursor"].as_str().unwrap();
    for name in ["a", "e"] {
        house.tenant(name, ApiKeyPurpose::Realtime, None).await;
    }
    let next = house.get(&manager.key, &format!("/admin/api/v1/users?limit=9&cursor={cursor}")).await.ok();
    let names: Vec<&str> =
        next["data"].as_array().unwrap().iter().map(|user| user["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["e", "f", "the manager"]);
}

#[tokio::test]
async fn a_forged_cursor_is_400() {
    let house = House::open().await;
    let manager = house.manager().await;
    for number in 0..3 {
        house.tenant(&format!("user {number}"), ApiKeyPurpose::Realtime, None).await;
    }
    let path = "/admin/api/v1/users?limit=1";
    let page = house.get(&manager.key, path).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap().to_owned();
    house.get(&manager.key, &format!("{path}&cursor={cursor}")).await.ok();
    let mut bytes = BASE64_URL_SAFE_NO_PAD.decode(&cursor).unwrap();
    let mut forged =
        vec![String::new(), "x".to_owned(), "AAAA".to_owned(), cursor[..cursor.len() - 2].to_owned()];
    for at in 0..bytes.len() {
        bytes[at] ^= 1;
        forged.push(BASE64_URL_SAFE_NO_PAD.encode(&bytes));
        bytes[at] ^= 1;
    }
    forged.push(BASE64_URL_SAFE_NO_PAD.encode(b"\"user 1\""));
    forged.push("A".repeat(10_000));
    for cursor in forged {
        let reply = house.get(&manager.key, &format!("{path}&cursor={cursor}")).await;
        assert_eq!(reply.problem(), (400, "bad_request".to_owned()), "{cursor}");
    }
    // A good one, at another list or with another filter.
    for other in [
        format!("/admin/api/v1/api-keys?cursor={cursor}"),
        format!("/admin/api/v1/audit-log?cursor={cursor}"),
        format!("/admin/api/v1/users?search=u&cursor={cursor}"),
    ] {
        assert_eq!(house.get(&manager.key, &other).await.problem().0, 400, "{other}");
    }
}

/// A ledger's cursor holds which transactions were being written, of all tenants.
#[tokio::test]
async fn a_cursor_tells_nothing_of_the_place_that_it_stands_for() {
    let house = House::open().await;
    let manager = house.manager().await;
    for number in 0..3 {
        house.tenant(&format!("a name of number {number}"), ApiKeyPurpose::Realtime, None).await;
    }
    let ada = house.tenant("ada", ApiKeyPurpose::Platform, None).await;
    house.grant(ada.id, "10.25", "first").await;
    house.grant(ada.id, "2.5", "second").await;
    let ledger = format!("/admin/api/v1/users/{}/ledger", ada.id);
    for (key, path) in [
        (&manager.key, "/admin/api/v1/users"),
        (&manager.key, "/admin/api/v1/api-keys"),
        (&manager.key, "/admin/api/v1/audit-log"),
        (&ada.key, ledger.as_str()),
    ] {
        let page = house.get(key, &format!("{path}?limit=1")).await.ok();
        let cursor = page["next_cursor"].as_str().unwrap();
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(cursor).unwrap();
        // Of random bytes hardly more than a third are printable.
        let longest = bytes.split(|byte| !byte.is_ascii_graphic()).map(<[u8]>::len).max().unwrap();
        assert!(longest < 16, "{path}: {}", String::from_utf8_lossy(&bytes));
        // Nor is the same place told by the same words.
        let again = house.get(key, &format!("{path}?limit=1")).await.ok();
        assert_ne!(again["next_cursor"].as_str().unwrap(), cursor, "{path}");
    }
}

#[tokio::test]
async fn a_ledger_runs_from_nothing_to_the_balance() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    house.model("m", "0.001", "0.002").await;
    house.grant(ada.id, "10", "first").await;
    let mut recorder = Recorder::new();
    let credential = Credential::Key(ada.key_id);
    house
        .enter((1..=20).map(|number| recorder.record(credential, "m", number * 7, number * 3)).collect())
        .await;
    house.grant(ada.id, "2.5", "second").await;
    let path = format!("/admin/api/v1/users/{}/ledger", ada.id);
    let whole = house.all(&manager.key, &path, 500).await;
    assert_eq!(whole.len(), 22);
    let pico = |value: &Value| value.as_str().unwrap().parse::<tollgate_domain::Credits>().unwrap().pico();
    let mut running = 0;
    for entry in whole.iter().rev() {
        running += pico(&entry["amount"]);
        assert_eq!(pico(&entry["balance_after"]), running, "{entry}");
    }
    let account = house.get(&manager.key, &format!("/admin/api/v1/users/{}", ada.id)).await.ok();
    assert_eq!(pico(&account["balance"]), running);
    for limit in [1, 5] {
        assert_eq!(house.all(&manager.key, &path, limit).await, whole);
    }
    // Filters leave the running balance what it is.
    let by = |query: &'static str| {
        let path = format!("{path}?{query}");
        let (house, key) = (&house, &manager.key);
        async move { house.all(key, &path, 3).await }
    };
    let grants = by("type=admin_grant").await;
    assert_eq!(grants.len(), 2);
    assert!(grants.iter().all(|grant| whole.contains(grant)));
    assert_eq!(by("type=usage").await.len(), 20);
    assert_eq!(by("search=SECOND").await.len(), 1);
    assert_eq!(by("model=m").await.len(), 20);
    assert_eq!(by("model=n").await, Vec::<Value>::new());
    assert_eq!(by("since=2026-11-24T12:00:00Z&type=usage").await.len(), 20);
    assert_eq!(
        by("until=2026-11-24T12:00:00Z").await.len(),
        whole.len() - 20 - by("since=2026-11-24T12:00:01Z").await.len()
    );
}

#[tokio::test]
async fn a_search_is_for_letters_and_not_for_patterns() {
    let house = House::open().await;
    let manager = house.manager().await;
    for name in ["100%", "100x", "a_b", "axb", "o'neil", "back\\slash"] {
        house.tenant(name, ApiKeyPurpose::Realtime, None).await;
    }
    for (search, found) in [
        ("0%25", vec!["100%"]),
        ("a_b", vec!["a_b"]),
        ("o%27n", vec!["o'neil"]),
        ("k%5Cs", vec!["back\\slash"]),
        ("%25", vec!["100%"]),
    ] {
        let page = house.get(&manager.key, &format!("/admin/api/v1/users?search={search}")).await.ok();
        let names: Vec<&Value> = page["data"].as_array().unwrap().iter().map(|user| &user["name"]).collect();
        assert_eq!(json!(names), json!(found), "{search}");
    }
}
