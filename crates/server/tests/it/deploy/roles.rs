//! `deploy/postgresql/roles.sql`: each role may do its work, and nothing beyond it.

use std::{fs, sync::Arc};

use http::StatusCode;
use secrecy::SecretString;
use serde_json::json;
use tokio_postgres::{Client, error::SqlState};
use tollgate_server::{App, SystemClock, explain};
use tollgate_testkit::{PrivatePostgres, ScriptedUpstream, TestPostgres};

use super::repository;
use crate::harness::{Place, chat, eventually, metric, sql};

/// A database whose owner is nobody special, with logins for each role. Roles are of a whole server, so it has one of its own.
struct Database(PrivatePostgres);

impl Database {
    async fn create() -> Self {
        let postgres = TestPostgres::private().await;
        let superuser = sql(&postgres.url()).await;
        superuser.batch_execute("create role books_owner login createrole").await.unwrap();
        superuser.batch_execute("create database books owner books_owner").await.unwrap();
        superuser
            .batch_execute("create role gateway login; create role billing login; create role analyst login")
            .await
            .unwrap();
        Self(postgres)
    }

    fn url(&self, role: &str) -> String {
        let url = self.0.url();
        let (_, parameters) = url.split_once('?').unwrap();
        format!("postgresql://{role}@/books?{parameters}")
    }

    async fn connect(&self, role: &str) -> Client {
        sql(&self.url(role)).await
    }

    /// As an operator does it: the schema, the rights, and who has them.
    async fn set_up(&self) {
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
                "grant tollgate_server to gateway; grant tollgate_admin to billing; grant tollgate_reporting to analyst",
            )
            .await
            .unwrap();
    }

    /// What the server says to a statement; none: it did it.
    async fn refusal(&self, role: &str, statement: &str) -> Option<String> {
        let error = self.connect(role).await.batch_execute(statement).await.err()?;
        Some(error.code().map_or_else(|| error.to_string(), |code| code.code().to_owned()))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_and_commands_do_all_their_work_with_the_rights_of_their_roles() {
    let upstream = ScriptedUpstream::start().await;
    let database = Database::create().await;
    let billing = Place::on(&database.url("billing"));
    let mut config = billing.config();
    config.database.url = Some(SecretString::from(database.url("gateway")));
    // The management API is an administrator's work: a server that has it needs that role as well.
    config.admin.listen = "off".to_owned();
    config.audit.interval_s = 1;
    let refused = App::start(config.clone(), Arc::new(SystemClock)).await.unwrap_err();
    assert!(explain(&refused).contains("tollgate migrate"), "{}", explain(&refused));

    database.set_up().await;
    let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
    let key = billing.set_up("ada", "1", &upstream.base_url()).await;
    let served = async |script| chat(app.address(), &key, script, true).await.status == StatusCode::OK;
    eventually("a request is served", async || served("prompt=1000 completion=500").await).await;
    // Without a price, and then with one: the one change of a record that there is.
    billing.cli("model create unpriced --endpoint up --upstream-model upstream-gpt").await;
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
    app.stop().await.unwrap();
    assert_eq!(billing.cli("audit").await["ok"], json!(true));

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

#[tokio::test]
async fn nobody_may_rewrite_the_ledger_and_no_role_does_anothers_work() {
    let database = Database::create().await;
    database.set_up().await;
    let denied = SqlState::INSUFFICIENT_PRIVILEGE.code();
    let insert_movement = "insert into credit_movements (id, user_id, type, amount, source_id) \
                           values (gen_random_uuid(), '00000000-0000-0000-0000-000000000000', 'purchase', 1, 's')";
    let everybody = [
        "update credit_movements set amount = 2",
        "delete from credit_movements",
        "truncate credit_movements",
        "update usage_records set prompt_tokens = 0",
        "update usage_records set user_no = 1",
        "delete from usage_records",
        "truncate usage_records",
        "delete from usage_records_default",
        "insert into usage_records_default select * from usage_records",
        "update usage_dimensions set method = 'GET'",
        "update usage_details set custom_id = 'x'",
        "delete from usage_rollups",
        "delete from user_balances",
        "update model_tariffs set input_price = 0",
        "delete from model_tariffs",
        "update tariff_ends set valid_until = null",
        "update audit_log set actor = 'x'",
        "delete from audit_log",
        "update installation set master_key_check = ''",
        "alter table usage_records disable trigger all",
        "drop trigger append_only on credit_movements",
        "drop table usage_records",
        "create table mine (x integer)",
        "set role books_owner",
    ];
    for role in ["gateway", "billing", "analyst"] {
        for statement in everybody {
            assert_eq!(
                database.refusal(role, statement).await.as_deref(),
                Some(denied),
                "{role}: {statement}"
            );
        }
    }
    // A server enters usage; what moves credits otherwise, or decides what things cost, is not its business.
    let not_the_servers = [
        insert_movement,
        "insert into users (id, name) values (gen_random_uuid(), 'x')",
        "update users set name = 'x'",
        "insert into audit_log (id, actor, action, subject) values (gen_random_uuid(), 'x', 'x', 'x')",
        "update api_keys set revoked_at = null",
        "update inference_endpoints set base_url = 'http://elsewhere'",
        "update model_tariffs set valid_until = now()",
        "update limits set daily_cap = null",
        "update user_balances set low_balance = null",
        "update config_epochs set pricing_epoch = 1",
    ];
    for statement in not_the_servers {
        assert_eq!(
            database.refusal("gateway", statement).await.as_deref(),
            Some(denied),
            "gateway: {statement}"
        );
    }
    for statement in [
        "select digest from api_keys",
        "select sealed_secret from inference_endpoints",
        "select sealed_secret from webhooks",
        "select payload from quarantine",
        "select master_key_check from installation",
        "select make_usage_partition('usage_records', '2030-01-01')",
        insert_movement,
        "update user_balances set balance = 1",
    ] {
        assert_eq!(
            database.refusal("analyst", statement).await.as_deref(),
            Some(denied),
            "analyst: {statement}"
        );
    }
    // The owner has every right, and meets the triggers.
    database.connect("billing").await.batch_execute(insert_movement).await.unwrap();
    for statement in
        ["update credit_movements set amount = 2", "delete from credit_movements", "truncate usage_records"]
    {
        assert_eq!(database.refusal("books_owner", statement).await.as_deref(), Some("TG001"), "{statement}");
    }
    // The one function that lends a right of the owner's makes partitions of these two tables only.
    let lent = "select make_usage_partition('users', '2030-01-01')";
    assert_eq!(database.refusal("gateway", lent).await.as_deref(), Some("TG001"));
}

#[tokio::test]
async fn every_table_has_its_line_in_the_roles() {
    let database = Database::create().await;
    database.set_up().await;
    let owner = database.connect("books_owner").await;
    let without = "select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v') \
                   and not relispartition and not exists (select from unnest(array['tollgate_server', 'tollgate_admin', \
                   'tollgate_reporting']) as role where has_any_column_privilege(role, oid, 'select'))";
    let tables: Vec<String> = owner.query(without, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(tables.is_empty(), "deploy/postgresql/roles.sql says nothing of {tables:?}");
}
