//! `deploy/postgresql/roles.sql`: no role may do what is not its work, and nobody may rewrite the ledger.

use tokio_postgres::error::SqlState;

use super::roles::Database;

/// Every role that somebody logs in by, by the names of its logins.
const LOGINS: [&str; 5] = ["server", "gateway", "batcher", "billing", "analyst"];

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
        "truncate usage_details",
        "truncate usage_dimensions",
        "delete from usage_details",
        "delete from usage_dimensions",
        "truncate usage_rollups",
        "truncate user_balances",
        "update audit_log set actor = 'x'",
        "truncate audit_log",
        "insert into audit_log_chain (no, entry_id, digest) values (9, gen_random_uuid(), sha256('x'))",
        "update audit_log_chain set no = no + 1",
        "delete from audit_log_chain",
        "update audit_log_head set no = no + 1",
        "create temp table mine (like audit_log); create constraint trigger mine after insert on mine deferrable initially deferred \
             for each row execute function chain_audit_entry()",
        "delete from audit_log",
        "update installation set master_key_check = ''",
        "alter table usage_records disable trigger all",
        "drop trigger append_only on credit_movements",
        "drop table usage_records",
        "create table mine (x integer)",
        "set role books_owner",
    ];
    for role in LOGINS {
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
        "insert into model_costs (model_no, valid_from, input_price, output_price) values (1, '2026-01-01', 1, 1)",
        "delete from model_costs",
        "select from model_costs",
    ];
    for role in ["server", "gateway", "batcher"] {
        for statement in not_the_servers {
            assert_eq!(
                database.refusal(role, statement).await.as_deref(),
                Some(denied),
                "{role}: {statement}"
            );
        }
    }
    for statement in [
        "select digest from api_keys",
        "select sealed_secret from inference_endpoints",
        "select sealed_secret from webhooks",
        "select payload from quarantine",
        "select master_key_check from installation",
        "select make_usage_partition('usage_records', '2030-01-01')",
        insert_movement,
        "delete from model_costs",
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
    assert_eq!(database.refusal("batcher", lent).await.as_deref(), Some("TG001"));
}

#[tokio::test]
async fn every_table_has_its_line_in_the_roles() {
    let database = Database::create().await;
    database.set_up().await;
    let owner = database.connect("books_owner").await;
    let without = "select relname::text from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'p', 'v') \
                   and not relispartition and not exists (select from unnest(array['tollgate_batcher', 'tollgate_admin', \
                   'tollgate_reporting']) as role where has_any_column_privilege(role, oid, 'select'))";
    let tables: Vec<String> = owner.query(without, &[]).await.unwrap().iter().map(|row| row.get(0)).collect();
    assert!(tables.is_empty(), "deploy/postgresql/roles.sql says nothing of {tables:?}");
}

/// A record without a price, and one that costs nothing.
const RECORDS: &str = "insert into usage_records (requested_at, correlation_id, amount_pico, raw_digest, rated_digest, day, instance_no, \
                       pricing_epoch, dimensions_no, duration_ms, status_code, state, usage_source) \
                       select now(), n, 0, gen_random_uuid(), gen_random_uuid(), current_date, 1, 1, 1, 1, 200, \
                              (array['u', 'f'])[n]::\"char\", 'p' from generate_series(1, 2) n";

#[tokio::test]
async fn the_gateways_login_reads_what_requests_need_and_writes_nothing_of_the_books() {
    let database = Database::create().await;
    database.set_up().await;
    let denied = SqlState::INSUFFICIENT_PRIVILEGE.code();
    let owner = database.connect("books_owner").await;
    owner.batch_execute(RECORDS).await.unwrap();
    let books = [
        "usage_records",
        "usage_records_default",
        "usage_details",
        "usage_dimensions",
        "usage_commits",
        "usage_rollups",
        "credit_movements",
        "user_balances",
        "instances",
        "quarantine",
        "webhook_deliveries",
        "audit_log",
        "audit_log_chain",
        "model_tariffs",
        "tariff_ends",
        "config_epochs",
        "api_keys",
        "users",
        "limits",
        "sessions",
        "idempotency_keys",
        "installation",
    ];
    for table in books {
        let first = format!(
            "select attname::text from pg_attribute where attrelid = '{table}'::regclass and attnum > 0 and attidentity = '' limit 1"
        );
        let column: String = owner.query_one(&first, &[]).await.unwrap().get(0);
        for statement in [
            format!("insert into {table} default values"),
            format!("update {table} set {column} = {column}"),
            format!("delete from {table}"),
            format!("truncate {table} cascade"),
        ] {
            assert_eq!(database.refusal("gateway", &statement).await.as_deref(), Some(denied), "{statement}");
        }
    }
    for statement in [
        "select make_usage_partition('usage_records', '2030-01-01')",
        "select nextval('usage_commits_no')",
        "select from usage_records",
        "select from credit_movements",
        "select from quarantine",
        "select from audit_log",
        "select from sessions",
        "select from user_passwords",
        "select sealed_secret from webhooks",
        "select from http_analytics",
    ] {
        assert_eq!(database.refusal("gateway", statement).await.as_deref(), Some(denied), "{statement}");
    }
    // The batcher keeps no leases, so the gateway's word on what it may spend is its own.
    for statement in
        ["delete from credit_leases", "update credit_leases set amount = 0", "truncate credit_overdrafts"]
    {
        assert_eq!(
            database.refusal("batcher", statement).await.as_deref(),
            Some(denied),
            "batcher: {statement}"
        );
    }
}

#[tokio::test]
async fn of_the_ledger_the_one_guarded_transition_is_the_only_change_for_the_batcher_and_for_the_owner() {
    let database = Database::create().await;
    database.set_up().await;
    let owner = database.connect("books_owner").await;
    owner.batch_execute(RECORDS).await.unwrap();
    let denied = SqlState::INSUFFICIENT_PRIVILEGE.code();
    let rate = |no: i64, state: &str| {
        format!(
            "update usage_records set state = '{state}', rated_digest = gen_random_uuid() where correlation_id = {no}"
        )
    };
    // A record that has its price keeps it, and one that has none changes to no other state.
    let (priced, unpriced) = (2, 1);
    let not_that_transition = [
        rate(priced, "f"),
        rate(priced, "u"),
        rate(unpriced, "v"),
        rate(unpriced, "u"),
        format!("update usage_records set amount_pico = 0 where correlation_id = {priced}"),
    ];
    for statement in &not_that_transition {
        for role in ["batcher", "books_owner"] {
            assert_eq!(
                database.refusal(role, statement).await.as_deref(),
                Some("TG001"),
                "{role}: {statement}"
            );
        }
        for role in ["gateway", "analyst"] {
            assert_eq!(
                database.refusal(role, statement).await.as_deref(),
                Some(denied),
                "{role}: {statement}"
            );
        }
    }
    let with_more = "update usage_records set state = 'f', prompt_tokens = 7 where correlation_id = 1";
    assert_eq!(database.refusal("batcher", with_more).await.as_deref(), Some(denied));
    assert_eq!(database.refusal("books_owner", with_more).await.as_deref(), Some("TG001"));
    for statement in [
        "delete from usage_records where correlation_id = 1",
        "delete from usage_records_default",
        "truncate usage_records",
        "truncate usage_records_default",
        "truncate credit_movements",
        "truncate usage_details",
    ] {
        assert_eq!(database.refusal("books_owner", statement).await.as_deref(), Some("TG001"), "{statement}");
        for role in LOGINS {
            assert_eq!(
                database.refusal(role, statement).await.as_deref(),
                Some(denied),
                "{role}: {statement}"
            );
        }
    }
    // The transition itself, once.
    assert_eq!(database.refusal("gateway", &rate(unpriced, "f")).await.as_deref(), Some(denied));
    assert_eq!(database.refusal("batcher", &rate(unpriced, "f")).await, None);
    assert_eq!(database.refusal("batcher", &rate(unpriced, "f")).await.as_deref(), Some("TG001"));
}
