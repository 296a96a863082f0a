//! Users, keys, endpoints, models, and what gateways see of them.

use secrecy::{ExposeSecret, SecretString};
use tollgate_domain::ApiKeyPurpose;
use tollgate_store::api_keys::{self, NewApiKey};
use tollgate_store::endpoints::{self, AuthStyle, Endpoint, EndpointChanges, NewEndpoint};
use tollgate_store::notify::{self, Hint, Listener};
use tollgate_store::users::{self, UserKind};
use tollgate_store::{ErrorClass, Store, StoreError, Tx, audit_log, catalog, models, snapshot};

use crate::support::{ACTOR, Books, wanted};

async fn key(books: &Books, user: &str, purpose: ApiKeyPurpose) -> api_keys::CreatedApiKey {
    let new = NewApiKey { user: user.to_owned(), purpose, trusted: true, ..NewApiKey::default() };
    books.store.tx("key", async |tx| api_keys::create(&tx, &books.master, &new, ACTOR).await).await.unwrap()
}

async fn set_endpoint(books: &Books, name: &str, changes: &EndpointChanges) -> Result<Endpoint, StoreError> {
    let set = async |tx: Tx| endpoints::set(&tx, &books.master, name, changes.clone(), ACTOR).await;
    books.store.tx("set_endpoint", set).await
}

#[tokio::test]
async fn names_are_unique_and_checked() {
    let books = Books::open().await;
    books.user("ada").await;
    for (name, text) in [
        ("ada", "user \"ada\" already exists"),
        ("", "is empty"),
        ("a\0b", "control character"),
        ("01890a5d-ac96-774b-bcce-b302099a8057", "must not look like an id"),
    ] {
        let error = books
            .store
            .tx("user", async |tx| users::create(&tx, name, UserKind::Organization, ACTOR).await)
            .await
            .unwrap_err();
        assert_eq!(error.class(), ErrorClass::Refused);
        assert!(error.to_string().contains(text), "{error}");
    }
}

#[tokio::test]
async fn a_user_is_found_by_name_and_by_id() {
    let books = Books::open().await;
    let ada = books.user("ada").await;
    for handle in ["ada".to_owned(), ada.id.to_string()] {
        let found = books.store.tx("find", async |tx| users::find(&tx, &handle).await).await.unwrap();
        assert_eq!(found, ada);
    }
    let all = books.store.tx("list", async |tx| users::list(&tx).await).await.unwrap();
    assert_eq!(all, [ada], "without the system user");
}

#[tokio::test]
async fn a_key_is_found_by_its_digest_and_its_secret_is_nowhere() {
    let books = Books::open().await;
    books.user("ada").await;
    let created = key(&books, "ada", ApiKeyPurpose::Batch).await;
    let digest = books.master.key_digest(created.secret.expose());
    let found =
        books.store.tx("digest", async |tx| api_keys::find_by_digest(&tx, &digest).await).await.unwrap();
    assert_eq!(found.as_ref(), Some(&created.key));
    assert_eq!((created.key.purpose, created.key.trusted), (ApiKeyPurpose::Batch, true));
    let other = books.master.key_digest("tg-no-such-key");
    let none =
        books.store.tx("digest", async |tx| api_keys::find_by_digest(&tx, &other).await).await.unwrap();
    assert_eq!(none, None);
    let tables = dump(&books, &["api_keys", "audit_log"]).await;
    assert!(tables.contains(created.secret.prefix()));
    assert!(!tables.contains(created.secret.expose()));
    let bare = created.secret.expose().strip_prefix("tg-").unwrap();
    assert!(!tables.contains(bare), "not as a bytea either");
}

#[tokio::test]
async fn a_revoked_key_stays_visible_as_revoked() {
    let books = Books::open().await;
    books.user("ada").await;
    let created = key(&books, "ada", ApiKeyPurpose::Realtime).await;
    let revoke = async |handle: &str| {
        books.store.tx("revoke", async |tx| api_keys::revoke(&tx, handle, ACTOR).await).await
    };
    let first = revoke(created.secret.prefix()).await.unwrap();
    let again = revoke(&created.key.id.to_string()).await.unwrap();
    assert!(!first.already && again.already);
    assert_eq!(again.key.revoked_at, first.key.revoked_at);
    let config = snapshot::load_config(&books.store, &books.master).await.unwrap();
    assert_eq!(
        config.keys.iter().map(|key| (key.id, key.revoked)).collect::<Vec<_>>(),
        [(created.key.id, true)]
    );
    let catalog =
        books.store.tx_repeatable_read("catalog", async |tx| catalog::load(&tx).await).await.unwrap();
    let known = catalog.key_by_digest(&books.master.key_digest(created.secret.expose())).unwrap();
    assert!(known.revoked);
    assert_eq!(catalog.users_by_no.get(&known.user_no), Some(&known.user_id));
    let error = revoke("tg-secret-typed-in-whole").await.unwrap_err().to_string();
    assert!(error.contains("no key has this id or prefix") && !error.contains("typed-in"), "{error}");
}

#[tokio::test]
async fn an_upstream_secret_is_sealed_in_the_table_and_open_in_the_snapshot() {
    let books = Books::open().await;
    let secret = "sk-upstream-0123456789";
    let new = NewEndpoint {
        provider_name: Some("anthropic".to_owned()),
        auth_style: AuthStyle::XApiKey,
        secret: Some(SecretString::from(secret)),
        path_templates: [("/v1/messages".to_owned(), "/anthropic/v1/messages".to_owned())].into(),
        pass_through_paths: vec!["/v1/images/generations".to_owned()],
        ..NewEndpoint::new("claude", "https://api.anthropic.com/")
    };
    books
        .store
        .tx("endpoint", async |tx| {
            endpoints::create(&tx, &books.master, &new, ACTOR).await?;
            models::create(&tx, "opus", "claude", Some("claude-opus"), ACTOR).await?;
            tollgate_store::tariffs::replace(&tx, "opus", &[wanted("1", "2")], &books.clock, ACTOR).await
        })
        .await
        .unwrap();
    let tables = dump(&books, &["inference_endpoints", "audit_log"]).await;
    let hex = secret.bytes().fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
    assert!(tables.contains("claude") && !tables.contains(secret) && !tables.contains(&hex));

    let config = snapshot::load_config(&books.store, &books.master).await.unwrap();
    let [loaded] = config.endpoints.as_slice() else { panic!("one endpoint") };
    assert_eq!(loaded.secret.as_ref().unwrap().expose_secret(), secret);
    assert!(!format!("{config:?}").contains(secret));
    let endpoint = &loaded.endpoint;
    assert_eq!(endpoint.base_url, "https://api.anthropic.com");
    assert_eq!((endpoint.auth_style, endpoint.inject_usage), (AuthStyle::XApiKey, true));
    assert_eq!(endpoint.path_templates, new.path_templates);
    assert_eq!(endpoint.pass_through_paths, new.pass_through_paths);
    let [model] = config.models.as_slice() else { panic!("one model") };
    assert_eq!((model.alias.as_str(), model.upstream_model.as_str()), ("opus", "claude-opus"));
    assert_eq!((model.endpoint_id, model.tariffs.len()), (endpoint.id, 1));

    let rotated =
        EndpointChanges { secret: Some(SecretString::from("sk-rotated")), ..EndpointChanges::default() };
    let after = set_endpoint(&books, "claude", &rotated).await.unwrap();
    assert_eq!((after.auth_style, &after.path_templates), (AuthStyle::XApiKey, &endpoint.path_templates));
    let config = snapshot::load_config(&books.store, &books.master).await.unwrap();
    assert_eq!(config.endpoints[0].secret.as_ref().unwrap().expose_secret(), "sk-rotated");

    let other = tollgate_domain::MasterKey::from_bytes([1; 32]);
    let error = snapshot::load_config(&books.store, &other).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Fatal);
    assert!(error.to_string().contains("another master key"), "{error}");
}

#[tokio::test]
async fn a_change_of_an_endpoint_changes_what_is_given_and_no_more() {
    let books = Books::open().await;
    books.model().await;
    let set = async |changes: EndpointChanges| set_endpoint(&books, "up", &changes).await;
    let before = books.store.tx("find", async |tx| endpoints::find(&tx, "up").await).await.unwrap();
    let url = Some("https://upstream.test/v2/".to_owned());
    let after = set(EndpointChanges { base_url: url, ..EndpointChanges::default() }).await.unwrap();
    assert_eq!(after, Endpoint { base_url: "https://upstream.test/v2".to_owned(), ..before });

    let style = |style| EndpointChanges { auth_style: Some(style), ..EndpointChanges::default() };
    let error = set(style(AuthStyle::XApiKey)).await.unwrap_err();
    assert!(error.to_string().contains("--api-key-env"), "{error}");
    let secret = || Some(SecretString::from("sk-first"));
    let after = set(EndpointChanges { secret: secret(), ..EndpointChanges::default() }).await.unwrap();
    assert_eq!(after.auth_style, AuthStyle::Bearer, "the first credential goes the usual way");
    let after = set(style(AuthStyle::ApiKey)).await.unwrap();
    assert!(after.auth_style == AuthStyle::ApiKey && after.sealed_secret.is_some());
    set(EndpointChanges { secret: secret(), ..style(AuthStyle::None) }).await.unwrap_err();
    let after = set(style(AuthStyle::None)).await.unwrap();
    assert_eq!(after.sealed_secret, None, "what is not sent is not kept");
    set(EndpointChanges { base_url: Some("ftp://x".to_owned()), ..EndpointChanges::default() })
        .await
        .unwrap_err();

    let replaced = books
        .text(
            "select string_agg(coalesce(after->>'secret_replaced', 'no'), ' ' order by id) from audit_log
               where action = 'endpoint.set'",
        )
        .await;
    assert_eq!(replaced.as_deref(), Some("no true no no"));
}

#[tokio::test]
async fn a_credential_is_sent_to_no_other_host_than_it_was_given_for() {
    let books = Books::open().await;
    let secret = || Some(SecretString::from("sk-first"));
    let new = NewEndpoint { secret: secret(), ..NewEndpoint::new("up", "https://api.up.test/v1") };
    books
        .store
        .tx("endpoint", async |tx| endpoints::create(&tx, &books.master, &new, ACTOR).await)
        .await
        .unwrap();
    let move_to =
        |url: &str| EndpointChanges { base_url: Some(url.to_owned()), ..EndpointChanges::default() };
    let set = async |changes: EndpointChanges| set_endpoint(&books, "up", &changes).await;
    for elsewhere in [
        "https://api.up.test.evil.test/v1",
        "https://evil.test/api.up.test",
        "http://api.up.test/v1",
        "http://api.up.test:443/v1",
        "https://api.up.test:8443/v1",
    ] {
        let error = set(move_to(elsewhere)).await.unwrap_err();
        assert_eq!(error.class(), tollgate_store::ErrorClass::Refused);
        assert!(error.to_string().contains("give the credential anew"), "{elsewhere}: {error}");
    }
    // Another way of sending it is no new credential.
    let styled = EndpointChanges { auth_style: Some(AuthStyle::XApiKey), ..move_to("https://evil.test") };
    set(styled).await.unwrap_err();
    for same in ["https://api.up.test/v2", "https://API.up.test:443", "https://api.up.test/v1"] {
        assert!(set(move_to(same)).await.unwrap().sealed_secret.is_some(), "{same}");
    }
    set(EndpointChanges { secret: secret(), ..move_to("https://new.test") }).await.unwrap();
    let bare = EndpointChanges { auth_style: Some(AuthStyle::None), ..move_to("https://newest.test") };
    assert_eq!(set(bare).await.unwrap().sealed_secret, None);
    set(move_to("https://other.test")).await.unwrap();
}

#[tokio::test]
async fn what_is_deleted_gives_its_name_back_and_an_endpoint_in_use_is_not_deleted() {
    let books = Books::open().await;
    books.model().await;
    let delete_endpoint =
        async || books.store.tx("delete", async |tx| endpoints::delete(&tx, "up", ACTOR).await).await;
    let delete_model =
        async || books.store.tx("delete", async |tx| models::delete(&tx, "m", ACTOR).await).await;
    let error = delete_endpoint().await.unwrap_err().to_string();
    assert!(error.contains("is used by m;") && error.contains("tollgate model set"), "{error}");

    let first = delete_model().await.unwrap();
    delete_model().await.unwrap_err();
    delete_endpoint().await.unwrap();
    delete_endpoint().await.unwrap_err();
    let config = snapshot::load_config(&books.store, &books.master).await.unwrap();
    assert!(config.models.is_empty() && config.endpoints.is_empty());
    let catalog =
        books.store.tx_repeatable_read("catalog", async |tx| catalog::load(&tx).await).await.unwrap();
    assert!(catalog.models[&first.id].deleted, "what was requested before is still known");

    // The same names again.
    books.model().await;
    let second = books.store.tx("find", async |tx| models::find(&tx, "m").await).await.unwrap();
    assert!(second.id != first.id && second.endpoint_id != first.endpoint_id);
}

#[tokio::test]
async fn a_model_is_moved_and_renamed_upstream() {
    let books = Books::open().await;
    books.model().await;
    let other = NewEndpoint::new("other", "http://other.test");
    let other = books
        .store
        .tx("endpoint", async |tx| endpoints::create(&tx, &books.master, &other, ACTOR).await)
        .await
        .unwrap();
    let set = async |endpoint: Option<&str>, upstream: Option<&str>| {
        books.store.tx("set", async |tx| models::set(&tx, "m", endpoint, upstream, ACTOR).await).await
    };
    let moved = set(Some("other"), None).await.unwrap();
    assert_eq!((moved.endpoint_id, moved.upstream_model.as_str()), (other.id, "m"));
    let renamed = set(None, Some("m-2")).await.unwrap();
    assert_eq!(
        (renamed.id, renamed.endpoint_id, renamed.upstream_model.as_str()),
        (moved.id, other.id, "m-2")
    );
    let error = set(Some("nowhere"), None).await.unwrap_err().to_string();
    assert!(error.contains("tollgate endpoint create nowhere"), "{error}");
    set(None, Some("")).await.unwrap_err();
}

#[tokio::test]
async fn a_model_needs_its_endpoint_and_an_alias_of_its_own() {
    let books = Books::open().await;
    let create = async |alias: &str, endpoint: &str| {
        books
            .store
            .tx("model", async |tx| models::create(&tx, alias, endpoint, None, ACTOR).await)
            .await
            .map(|model| model.upstream_model)
            .map_err(|error| error.to_string())
    };
    assert!(create("gpt", "up").await.unwrap_err().contains("endpoint \"up\" does not exist; create it"));
    books.model().await;
    assert_eq!(create("gpt", "up").await.unwrap(), "gpt");
    assert!(create("gpt", "up").await.unwrap_err().contains("already exists"));
    assert!(create("g\0t", "up").await.unwrap_err().contains("control character"));
}

#[tokio::test]
async fn every_change_is_in_the_audit_log_with_its_actor() {
    let books = Books::open().await;
    books.user("ada").await;
    books.model().await;
    key(&books, "ada", ApiKeyPurpose::Realtime).await;
    books.grant("ada", "1", "s").await.unwrap();
    let entries = books.store.tx("audit", async |tx| audit_log::list(&tx, 100).await).await.unwrap();
    let actions: Vec<_> = entries.iter().rev().map(|entry| entry.action.as_str()).collect();
    assert_eq!(
        actions,
        ["user.create", "endpoint.create", "model.create", "key.create", "credit.admin_grant"]
    );
    assert!(entries.iter().all(|entry| entry.actor == ACTOR));
}

#[tokio::test]
async fn every_change_of_configuration_moves_the_epoch_and_is_announced() {
    let books = Books::open().await;
    let mut listener = Listener::start(&books.store);
    assert_eq!(listener.next().await, Hint::Connected);
    let before = snapshot::load_config(&books.store, &books.master).await.unwrap().config_epoch;
    books.user("ada").await;
    let hint = listener.next().await;
    assert!(matches!(&hint, Hint::Notified(payload) if payload.starts_with("users:")), "{hint:?}");
    assert!(hint.is_about_configuration() && !hint.is_about_balances());
    let after = snapshot::load_config(&books.store, &books.master).await.unwrap().config_epoch;
    assert!(after > before);
}

#[tokio::test]
async fn one_transaction_announces_each_table_once() {
    let books = Books::open().await;
    let mut listener = Listener::start(&books.store);
    assert_eq!(listener.next().await, Hint::Connected);
    books
        .store
        .tx("many", async |tx| {
            for number in 0..5 {
                users::create(&tx, &format!("user-{number}"), UserKind::Individual, ACTOR).await?;
            }
            notify::notify_balances(&tx, 1).await
        })
        .await
        .unwrap();
    assert!(listener.next().await.is_about_configuration());
    assert!(listener.next().await.is_about_balances());
}

#[tokio::test]
async fn a_movement_is_announced_with_its_time() {
    let books = Books::open().await;
    books.user("ada").await;
    let mut listener = Listener::start(&books.store);
    assert_eq!(listener.next().await, Hint::Connected);
    let applied = books.grant("ada", "1", "s").await.unwrap();
    let payload = format!("credits_transactions:{}", applied.movement.created_at.as_microsecond());
    let hint = listener.next().await;
    assert_eq!(hint, Hint::Notified(payload));
    assert!(hint.is_about_balances() && !hint.is_about_configuration());
}

#[tokio::test]
async fn a_transaction_that_fails_announces_nothing() {
    let books = Books::open().await;
    let mut listener = Listener::start(&books.store);
    assert_eq!(listener.next().await, Hint::Connected);
    let failed: Result<(), StoreError> = books
        .store
        .tx("failed", async |tx| {
            notify::notify_balances(&tx, 1).await?;
            Err(StoreError::refused("no"))
        })
        .await;
    failed.unwrap_err();
    announce(&books.store, 2).await;
    assert_eq!(listener.next().await, Hint::Notified("credits_transactions:2".to_owned()));
}

#[tokio::test]
async fn a_listener_that_lost_its_connection_says_so_and_hears_again() {
    let books = Books::open().await;
    let mut listener = Listener::start(&books.store);
    assert_eq!(listener.next().await, Hint::Connected);
    books
        .store
        .tx("kill", async |tx| {
            let sql = "select pg_terminate_backend(pid, 5000) from pg_stat_activity
                       where datname = current_database() and query like 'listen %'";
            assert_eq!(tx.query(sql, &[]).await?.len(), 1);
            Ok(())
        })
        .await
        .unwrap();
    assert_eq!(listener.next().await, Hint::Connected);
    announce(&books.store, 3).await;
    assert_eq!(listener.next().await, Hint::Notified("credits_transactions:3".to_owned()));
}

async fn announce(store: &Store, micros: i64) {
    store.tx("announce", async |tx| notify::notify_balances(&tx, micros).await).await.unwrap();
}

/// Everything in these tables, as text.
async fn dump(books: &Books, tables: &[&str]) -> String {
    let mut text = String::new();
    for table in tables {
        let sql = format!("select coalesce(string_agg(t::text, '|'), '') from {table} t");
        text.push_str(&books.text(&sql).await.unwrap());
    }
    text
}
