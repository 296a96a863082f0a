//! `deploy/postgresql/roles.sql`: each role may do its work. What it may not do is in `role_rights`.

use std::{collections::HashMap, fs, sync::Arc};

use http::StatusCode;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio_postgres::Client;
use tollgate_domain::Network;
use tollgate_server::{App, RunningApp, SystemClock, explain};
use tollgate_testkit::{PrivatePostgres, ScriptedUpstream, TestPostgres};

use super::{balance, repository};
use crate::harness::{Place, chat, eventually, get_with_key, metric, post_json, sql};

/// A database whose owner is nobody special, with logins for each role. Roles are of a whole server, so it has one of its own.
pub(super) struct Database {
    /// A connection for each login that was asked for what it may not do.
    logins: Mutex<HashMap<String, Client>>,
    postgres: PrivatePostgres,
}

impl Database {
    pub(super) async fn create() -> Self {
        let postgres = TestPostgres::private().await;
        let superuser = sql(&postgres.url()).await;
        superuser.batch_execute("create role books_owner login createrole").await.unwrap();
        superuser.batch_execute("create database books owner books_owner").await.unwrap();
        superuser
            .batch_execute(
                "create role server login; create role gateway login; create role batcher login; create role billing login; \
                 create role analyst login; create role nobody login",
            )
            .await
            .unwrap();
        Self { logins: Mutex::default(), postgres }
    }

    pub(super) fn url(&self, role: &str) -> String {
        let url = self.postgres.url();
        let (_, parameters) = url.split_once('?').unwrap();
        format!("postgresql://{role}@/books?{parameters}")
    }

    pub(super) async fn connect(&self, role: &str) -> Client {
        sql(&self.url(role)).await
    }

    /// As an operator does it: the schema, the rights, and who has them.
    pub(super) async fn set_up(&self) {
        let place = Place::on(&self.url("books_owner"));
        assert!(place.cli("migrate").await["schema_version"].as_u64().unwrap() >= 12);
        let owner = self.connect("books_owner").await;
        let roles = fs::read_to_string(repository("deploy/postgresql/roles.sql")).unwrap();
        // After an upgrade it runs again.
        for _ in 0..2 {
            owner.batch_execute(&roles).await.unwrap();
        }
        owner
            .batch_execute(
                "grant tollgate_server to server; grant tollgate_gateway to gateway; grant tollgate_batcher to batcher; \
                 grant tollgate_admin to billing; grant tollgate_reporting to analyst",
            )
            .await
            .unwrap();
    }

    /// What the server says to a statement; none: it did it.
    pub(super) async fn refusal(&self, role: &str, statement: &str) -> Option<String> {
        let mut logins = self.logins.lock().await;
        if !logins.contains_key(role) {
            logins.insert(role.to_owned(), self.connect(role).await);
        }
        let error = logins[role].batch_execute(statement).await.err()?;
        Some(error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_commands_do_all_their_work_with_the_rights_of_their_roles() {
    let upstream = ScriptedUpstream::start().await;
    let database = Database::create().await;
    let billing = Place::on(&database.url("billing"));
    let mut config = billing.config();
    config.database.url = Some(SecretString::from(database.url("server")));
    // The management API is an administrator's work: a server that has it needs that role as well.
    config.admin.listen = "off".to_owned();
    config.audit.interval_s = 1;
    let refused = App::start(config.clone(), Arc::new(SystemClock)).await.unwrap_err();
    assert!(explain(&refused).contains("tollgate migrate"), "{}", explain(&refused));

    database.set_up().await;
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    everything_works(&database, &billing, &app, &upstream).await;
    app.stop().await.unwrap();
    assert_eq!(billing.cli("audit").await["ok"], json!(true));
    partitions_are_the_owners(&database).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn gateway_batcher_and_management_api_do_all_their_work_each_with_a_login_of_its_own() {
    let upstream = ScriptedUpstream::start().await;
    let database = Database::create().await;
    database.set_up().await;
    let billing = Place::on(&database.url("billing"));
    let mut config = billing.config();
    // What has a login of its own does not use this one, which may do nothing.
    config.database.url = Some(SecretString::from(database.url("nobody")));
    config.database.gateway_url = Some(SecretString::from(database.url("gateway")));
    config.database.batcher_url = Some(SecretString::from(database.url("batcher")));
    config.database.admin_url = Some(SecretString::from(database.url("billing")));
    config.admin.allowed_networks = vec!["127.0.0.0/8".parse::<Network>().unwrap()].into();
    config.audit.interval_s = 1;
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    everything_works(&database, &billing, &app, &upstream).await;
    everything_is_managed(&billing, &app, &upstream).await;

    let superuser = sql(&database.postgres.url()).await;
    let logins = "select string_agg(distinct usename || ' as ' || application_name, ', ' order by usename || ' as ' || application_name) \
                  from pg_stat_activity where datname = 'books' and application_name like 'tollgate%'";
    let logins: String = superuser.query_one(logins, &[]).await.unwrap().get(0);
    assert!(
        logins.contains("batcher as tollgate")
            && logins.contains("billing as tollgate admin")
            && logins.contains("gateway as tollgate gateway"),
        "{logins}"
    );
    assert!(
        !logins.contains("nobody")
            && !logins.contains("books_owner")
            && !logins.contains("batcher as tollgate gateway"),
        "{logins}"
    );
    app.stop().await.unwrap();
    assert_eq!(billing.cli("audit").await["ok"], json!(true));
    partitions_are_the_owners(&database).await;
}

#[tokio::test]
async fn logins_of_two_databases_are_no_server() {
    let database = Database::create().await;
    database.set_up().await;
    let elsewhere = Place::with_database().await;
    elsewhere.cli("migrate").await;
    for name in ["gateway_url", "admin_url"] {
        let mut config = Place::on(&database.url("server")).config();
        let other = Some(SecretString::from(elsewhere.database_url()));
        match name {
            "gateway_url" => config.database.gateway_url = other,
            _ => config.database.admin_url = other,
        }
        config.admin.listen = "127.0.0.1:0".to_owned();
        let refused = App::start(config, Arc::new(SystemClock)).await.unwrap_err();
        let said = explain(&refused);
        assert!(said.contains(&format!("database.{name} leads to another database")), "{said}");
    }
}

#[tokio::test]
async fn commands_use_the_login_that_may_change_things_and_a_migration_the_owners() {
    let database = Database::create().await;
    let place = Place::on(&database.url("books_owner"));
    let output = async |line: &str| {
        let mut command = place.command();
        command.env("TOLLGATE_DATABASE__ADMIN_URL", database.url("billing"));
        command.args(line.split_whitespace()).output().await.unwrap()
    };
    // The one that may change things has no rights yet, and is not who migrates.
    assert!(!output("user list").await.status.success());
    assert!(output("migrate").await.status.success());
    database.set_up().await;
    assert!(output("user create ada").await.status.success());
    let owner = database.connect("books_owner").await;
    owner.batch_execute("revoke insert on users from tollgate_admin").await.unwrap();
    assert!(!output("user create bob").await.status.success(), "it is not the owner who makes users");
}

/// Everything that is done in the life of a server, by commands with an administrator's rights.
async fn everything_works(
    database: &Database,
    billing: &Place,
    app: &RunningApp,
    upstream: &ScriptedUpstream,
) -> String {
    let key = billing.set_up("ada", "1", &upstream.base_url()).await;
    let served = async |script| chat(app.address(), &key, script, true).await.status == StatusCode::OK;
    eventually("a request is served", async || served("prompt=1000 completion=500").await).await;
    // Without a price, and then with one: the one change of a record that there is.
    billing.cli("model create unpriced --endpoint up --upstream-model upstream-gpt").await;
    billing.cli("cost set unpriced --input-price 0.5 --output-price 1 --valid-from 2026-01-01").await;
    billing.cli("cost set unpriced --input-price 0.25 --output-price 1 --valid-from 2026-01-01").await;
    billing.cli("cost remove unpriced --valid-from 2026-01-01").await;
    let body = json!({ "model": "unpriced", "messages": [{ "role": "user", "content": "x [[script prompt=1000 completion=500]]" }] });
    eventually("a request without a price is served", async || {
        crate::harness::post_json(app.address(), "/v1/chat/completions", &key, &body).await.status
            == StatusCode::OK
    })
    .await;
    let unrated = async || {
        let client = database.connect("analyst").await;
        let sql = "select count(*) from http_analytics where state = 'unrated'";
        client.query_one(sql, &[]).await.unwrap().get::<_, i64>(0)
    };
    eventually("it waits for a price", async || unrated().await > 0).await;
    billing.cli("tariff set unpriced --input-price 0.00001 --output-price 0 --valid-from 1h").await;
    eventually("it has its price", async || unrated().await == 0).await;
    billing.cli("credit grant ada 5 --source-id invoice-1").await;
    billing.cli("credit remove ada 1 --source-id invoice-2").await;
    billing.cli("limit set --user ada --requests-per-minute 100 --daily-cap 50").await;
    billing.cli("limit clear --user ada").await;
    let webhook = billing.cli("webhook add http://127.0.0.1:9/hooks --user ada").await;
    billing.cli("webhook low-balance ada 4").await;
    billing.cli("credit remove ada 2 --source-id invoice-3").await;
    eventually("a webhook is owed something", async || {
        !billing.cli("webhook deliveries --undelivered").await.as_array().unwrap().is_empty()
    })
    .await;
    billing.cli(&format!("webhook remove {}", webhook["id"].as_str().unwrap())).await;
    billing.cli("endpoint set up --provider openai").await;
    billing.cli("model set gpt-test --upstream-model other").await;
    billing.cli("quarantine list").await;
    billing.cli(&format!("key revoke {}", &key[..10])).await;
    billing.cli("model delete unpriced").await;
    billing.cli("ledger ada").await;
    let passes = async |outcome| {
        metric(app.address(), &format!("tollgate_audit_runs_total{{outcome=\"{outcome}\"}}")).await
    };
    eventually("the server audits", async || passes("right").await > 0).await;
    assert_eq!(passes("failed").await, 0);
    key
}

/// What the management API writes: users, keys, credits, endpoints, models, and a person's session.
async fn everything_is_managed(billing: &Place, app: &RunningApp, upstream: &ScriptedUpstream) {
    let admin = app.admin_address().unwrap();
    billing.cli("user create boss").await;
    let made = billing.cli("key create --user boss --purpose platform --role manager").await;
    let manager = made["secret"].as_str().unwrap();
    let post = async |path: &str, body: Value| {
        let reply = post_json(admin, &format!("/admin/api/v1{path}"), manager, &body).await;
        assert!(reply.status.is_success(), "{path}: {}", reply.text);
        serde_json::from_str::<Value>(&reply.text).unwrap_or_default()
    };
    let bob = post("/users", json!({ "name": "bob" })).await;
    let endpoint = post("/endpoints", json!({ "name": "by-api", "base_url": upstream.base_url() })).await;
    post(
        "/models",
        json!({ "alias": "by-api", "endpoint_id": endpoint["id"], "upstream_model": "upstream-gpt" }),
    )
    .await;
    billing.cli("tariff set by-api --input-price 0.00001 --output-price 0.00003").await;
    let credits = format!("/users/{}/credits", bob["id"].as_str().unwrap());
    post(&credits, json!({ "type": "admin_grant", "amount": "1" })).await;
    let key = post("/api-keys", json!({ "user_id": bob["id"] })).await;
    let secret = key["secret"].as_str().unwrap().to_owned();
    let body = json!({ "model": "by-api", "messages": [{ "role": "user", "content": "x [[script prompt=1000 completion=500]]" }] });
    eventually("a customer of the management API is served", async || {
        post_json(app.address(), "/v1/chat/completions", &secret, &body).await.status == StatusCode::OK
    })
    .await;
    eventually("and charged", async || balance(billing, "bob").await == json!("0.975")).await;
    let rotate = format!("/api-keys/{}/rotate", key["id"].as_str().unwrap());
    let replaced = post(&rotate, json!({ "overlap_seconds": 600 })).await;
    post(&format!("/api-keys/{}/revoke", replaced["id"].as_str().unwrap()), Value::Null).await;
    for path in ["/audit-log", "/audit-log/head", "/users", "/quarantine", "/status", "/endpoints"] {
        let reply = get_with_key(admin, &format!("/admin/api/v1{path}"), manager).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text);
    }
    // A person comes in by a link: a code, a session, and the counted try.
    billing.cli("user role boss manager").await;
    let link = billing.cli("user sign-in-link boss").await;
    let code = link["url"].as_str().unwrap().rsplit_once("code=").unwrap().1.to_owned();
    let reply = post_json(admin, "/admin/api/v1/session", "", &json!({ "code": code })).await;
    assert!(reply.status.is_success(), "{}", reply.text);
    let wrong = post_json(
        admin,
        "/admin/api/v1/session",
        "",
        &json!({ "name": "boss", "password": "not the password" }),
    )
    .await;
    assert_eq!(wrong.status, StatusCode::UNAUTHORIZED, "{}", wrong.text);
}

async fn partitions_are_the_owners(database: &Database) {
    let owner = database.connect("books_owner").await;
    let made = "select count(*) filter (where relowner <> 'books_owner'::regrole), count(*) from pg_inherits \
                join pg_class on oid = inhrelid where inhparent = 'usage_records'::regclass";
    let row = owner.query_one(made, &[]).await.unwrap();
    let (of_others, partitions): (i64, i64) = (row.get(0), row.get(1));
    assert!(
        of_others == 0 && partitions > 1,
        "the server made {partitions} partitions, which are the owner's"
    );
}
