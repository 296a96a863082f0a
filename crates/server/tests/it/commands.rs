//! Commands by themselves, without a running server.

use http::StatusCode;
use serde_json::json;
use tollgate_testkit::{ScriptedUpstream, upstream::Recorded};

use crate::harness::{Place, chat, eventually, sql};

#[tokio::test]
async fn commands_work_without_a_server_on_the_private_database() {
    let place = Place::with_private_postgres();
    let user = place.cli("user create ada --credits 10.5").await;
    assert_eq!((&user["name"], &user["balance"]), (&json!("ada"), &json!("10.5")));
    // By id as well as by name.
    let balance = place.cli(&format!("balance {}", user["id"].as_str().unwrap())).await;
    assert_eq!(balance["balance"], json!("10.5"));
    let removed = place.cli("credit remove ada 0.5 --source-id mistake-1").await;
    assert_eq!(removed["balance"], json!("10"));
    let ledger = place.cli("ledger ada").await;
    assert_eq!(ledger[0]["transaction_type"], json!("admin_removal"));
    assert_eq!((&ledger[0]["amount"], &ledger[1]["amount"]), (&json!("-0.5"), &json!("10.5")));
    assert!(
        !place.data_dir().join("postgres/cluster/postmaster.pid").exists(),
        "stopped when the command ended"
    );
}

#[tokio::test]
async fn a_command_on_a_configured_database_makes_no_data_directory() {
    let place = Place::with_database().await;
    place.cli("user create ada").await;
    place.new_key("ada").await;
    assert!(!place.data_dir().exists());
}

#[tokio::test]
async fn two_commands_at_once_take_turns_on_the_private_database() {
    let place = Place::with_private_postgres();
    let (ada, bob) = tokio::join!(place.cli("user create ada"), place.cli("user create bob"));
    assert_ne!(ada["id"], bob["id"]);
    assert_eq!(place.cli("user list").await.as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn every_refusal_says_what_to_do() {
    let place = Place::with_database().await;
    for (line, said) in [
        ("balance nobody", "tollgate user create nobody"),
        ("key create --user nobody", "tollgate user create nobody"),
        ("model create m --endpoint nowhere", "tollgate endpoint create nowhere"),
        ("tariff set nothing --input-price 1 --output-price 1", "tollgate model create nothing"),
        ("tariff replace nothing /does/not/exist.json", "/does/not/exist.json"),
        ("key revoke tg-00000000", "tollgate key list"),
        ("credit grant nobody 1 --source-id s", "does not exist"),
        ("endpoint create up ftp://x", "https://"),
        ("endpoint create up http://x --api-key-env NOT_SET_ANYWHERE", "NOT_SET_ANYWHERE"),
        ("endpoint create up http://x --path-template /v1/embedding=/e", "`/v1/embedding` is no route"),
        ("endpoint create up http://x --pass-through /v1/*/files", "last segment"),
    ] {
        let error = place.cli_fails(line).await;
        assert!(error.starts_with("error: ") && error.contains(said), "{line}: {error}");
    }
    place.cli("user create ada").await;
    for (line, said) in [
        ("credit grant ada 0 --source-id s", "above zero"),
        ("credit grant ada -1 --source-id s", "above zero"),
        ("user create ada", "already exists"),
    ] {
        let error = place.cli_fails(line).await;
        assert!(error.contains(said), "{line}: {error}");
    }
    assert_eq!(place.cli("endpoint list").await, json!([]), "what was refused was not made");
}

#[tokio::test]
async fn what_was_made_by_mistake_is_changed_or_deleted() {
    let place = Place::with_database().await;
    place.cli("endpoint create up http://localhost:1 --pass-through /v1/files").await;
    place.cli("endpoint create other http://localhost:3").await;
    place.cli("model create gpt --endpoint up").await;

    let error = place.cli_fails("endpoint set up").await;
    assert!(error.contains("nothing to change"), "{error}");
    let error = place.cli_fails("endpoint set up --path-template /v1/embedding=/e").await;
    assert!(error.contains("`/v1/embedding` is no route"), "{error}");
    let set = ["endpoint", "set", "up", "--url", "http://localhost:2", "--api-key-env", "UPSTREAM", "--json"];
    let output = place.command().args(set).env("UPSTREAM", "sk-upstream").output().await.unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success() && !stdout.contains("sk-upstream"), "{stdout}");
    let endpoint = &place.cli("endpoint list").await[1];
    assert_eq!(
        (&endpoint["base_url"], &endpoint["auth_style"]),
        (&json!("http://localhost:2"), &json!("bearer"))
    );
    assert_eq!(endpoint["pass_through_paths"], json!(["/v1/files"]), "what was not given stays");
    let endpoint = place.cli("endpoint set up --no-pass-through --no-inject-usage").await;
    assert_eq!((&endpoint["pass_through_paths"], &endpoint["inject_usage"]), (&json!([]), &json!(false)));

    let error = place.cli_fails("endpoint delete up").await;
    assert!(error.contains("is used by gpt;"), "{error}");
    let model = place.cli("model set gpt --endpoint other --upstream-model gpt-4o").await;
    assert_eq!((&model["endpoint_name"], &model["upstream_model"]), (&json!("other"), &json!("gpt-4o")));
    place.cli("endpoint delete up").await;
    place.cli("endpoint create up http://localhost:4").await;
    place.cli("model delete gpt").await;
    assert_eq!(place.cli("model list").await, json!([]));
    let error = place.cli_fails("model set gpt --endpoint up").await;
    assert!(error.contains("does not exist"), "{error}");
}

#[tokio::test]
async fn what_a_model_costs_is_set_for_any_hour_listed_and_taken_away() {
    let place = Place::with_database().await;
    place.cli("endpoint create up http://localhost:1").await;
    let id = place.cli("model create gpt --endpoint up").await["id"].as_str().unwrap().to_owned();
    assert_eq!(place.cli("cost list").await, json!([]));
    let set = "cost set gpt --input-price 0.000001 --output-price 0.000002 --cache-write-price 0.000003 --valid-from";
    let change = place.cli(&format!("{set} 2026-01-31")).await;
    assert_eq!(change["set"][0]["valid_from"], json!("2026-01-31T00:00:00Z"));
    for (line, said) in [
        (format!("{set} 2026-01-31T12:30:00Z"), "a full hour of UTC"),
        ("cost set gpt --input-price 1 --output-price 0.0000000000001".to_owned(), "decimal"),
        ("cost set nothing --input-price 1 --output-price 1".to_owned(), "does not exist"),
        ("cost remove gpt --valid-from 2026-01-31T01:00:00Z".to_owned(), "tollgate cost list gpt"),
    ] {
        let error = place.cli_fails(&line).await;
        assert!(error.contains(said), "{line}: {error}");
    }
    // Without a time, the hour that has begun.
    place.cli("cost set gpt --input-price 0.5 --output-price 0.25").await;
    let listed = place.cli("cost list gpt").await;
    assert_eq!((&listed[0]["model"], &listed[0]["cache_write_price"]), (&json!("gpt"), &json!("0.000003")));
    assert_eq!((&listed[1]["input_price"], listed.as_array().unwrap().len()), (&json!("0.5"), 2));
    let text = String::from_utf8(place.output("cost list").await.stdout).unwrap();
    assert!(text.contains("cache-write 0.000003"), "{text}");
    // A deleted model is found by its id.
    place.cli("model delete gpt").await;
    let left = place.cli(&format!("cost remove {id} --valid-from 2026-01-31")).await;
    assert_eq!((&left["costs"][0]["input_price"], &left["costs"][1]), (&json!("0.5"), &json!(null)));
}

#[tokio::test]
async fn a_list_of_prices_shows_every_price_that_is_set() {
    let place = Place::with_database().await;
    place.cli("endpoint create up http://localhost:1").await;
    place.cli("model create gpt --endpoint up").await;
    place
        .cli("tariff set gpt --input-price 1 --output-price 2 --reasoning-price 3 --request-price 0.5")
        .await;
    let text = String::from_utf8(place.output("tariff list").await.stdout).unwrap();
    assert!(text.contains("reasoning 3, request 0.5"), "{text}");
}

#[tokio::test]
async fn a_whole_list_of_tariffs_replaces_the_one_before_and_prices_are_exact() {
    let place = Place::with_database().await;
    place.cli("endpoint create up http://localhost:1").await;
    place.cli("model create gpt --endpoint up").await;
    let file = place.directory.path().join("tariffs.json");
    let line = format!("tariff replace gpt {}", file.display());
    std::fs::write(
        &file,
        r#"[{"input_price": 0.00001, "output_price": "0.000000000001"},
            {"purpose": "batch", "completion_window": "24h", "input_price": 5e-6, "output_price": 123456.789012345678}]"#,
    )
    .unwrap();
    let replaced = place.cli(&line).await;
    assert_eq!(replaced["opened"].as_array().unwrap().len(), 2, "{replaced}");
    let list = place.cli("tariff list gpt").await;
    let prices: Vec<_> =
        list.as_array().unwrap().iter().map(|tariff| tariff["output_price"].clone()).collect();
    assert!(
        prices.contains(&json!("123456.789012345678")) && prices.contains(&json!("0.000000000001")),
        "{list}"
    );

    std::fs::write(&file, r#"[{"input_price": "0.00001", "output_price": "1e-12"}]"#).unwrap();
    let replaced = place.cli(&line).await;
    assert_eq!(replaced["unchanged"], json!(1), "{replaced}");
    assert_eq!(replaced["ended"].as_array().unwrap().len(), 1, "{replaced}");
    assert_eq!(replaced["opened"], json!([]), "{replaced}");

    std::fs::write(&file, r#"[{"input_price": 0.0000000000001, "output_price": 0}]"#).unwrap();
    let error = place.cli_fails(&line).await;
    assert!(error.contains("tariff 1") && error.contains("12 decimal places"), "{error}");
}

#[tokio::test]
async fn an_unknown_key_is_named_wherever_it_stands() {
    let place = Place::with_database().await;
    let file = place.directory.path().join("tollgate.toml");
    std::fs::write(&file, "[analytics]\nbatch_sise = 5\n").unwrap();
    let error = place.cli_fails(&format!("--config {} config", file.display())).await;
    assert!(error.contains("`analytics.batch_sise`") && error.contains("`analytics.batch_size`"), "{error}");

    let output =
        place.command().arg("config").env("TOLLGATE_GATEWAY__MAX_BODY_BITES", "5").output().await.unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.status.success());
    assert!(
        error.contains("`TOLLGATE_GATEWAY__MAX_BODY_BITES`") && error.contains("MAX_BODY_BYTES"),
        "{error}"
    );
}

#[tokio::test]
async fn the_effective_configuration_is_printed_without_its_password() {
    let place = Place::with_database().await;
    let output = place
        .command()
        .arg("config")
        .env("TOLLGATE_DATABASE__URL", "postgresql://tollgate:hunter2@db/tollgate")
        .env("TOLLGATE_ANALYTICS__BATCH_SIZE", "77")
        .output()
        .await
        .unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(
        printed.contains("batch_size = 77") && printed.contains("TOLLGATE_ANALYTICS__BATCH_SIZE"),
        "{printed}"
    );
    assert!(printed.contains("db/tollgate") && !printed.contains("hunter2"), "{printed}");
}

#[tokio::test]
async fn the_program_carries_the_licenses_of_what_is_within_it() {
    let place = Place::with_private_postgres();
    let printed = String::from_utf8(place.output("licenses").await.stdout).unwrap();
    let within = [
        "\ntokio 1.",
        "\nrustls 0.",
        "\naws-lc-sys 0.",
        "\nserde_derive 1.",
        "Redistributions in binary form",
    ];
    for within in within {
        assert!(printed.contains(within), "{within}");
    }
    // What only tests have.
    assert!(!printed.contains("\nproptest"));
    assert_eq!(place.cli("licenses").await.as_str().unwrap().trim_end(), printed.trim_end());
    assert!(!place.data_dir().exists());
}

#[tokio::test]
async fn another_master_key_is_refused_with_what_to_do() {
    let place = Place::with_database().await;
    place.cli("user create ada").await;
    place.cli("key create --user ada").await;
    let mut elsewhere = Place::beside(&place);
    elsewhere.use_own_master_key();
    let error = elsewhere.cli_fails("key create --user ada").await;
    assert!(error.contains("master key") && error.contains("backup"), "{error}");
    std::fs::write(elsewhere.master_key_file(), "00".repeat(32)).unwrap();
    std::fs::set_permissions(
        elsewhere.master_key_file(),
        std::os::unix::fs::PermissionsExt::from_mode(0o600),
    )
    .unwrap();
    let error = elsewhere.cli_fails("key create --user ada").await;
    assert!(error.contains("is not the one"), "{error}");
}

#[tokio::test]
async fn an_audit_that_finds_something_says_what_and_ends_with_an_exit_code() {
    let place = Place::with_database().await;
    place.cli("user create ada --credits 10").await;
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    let client = sql(place.database_url()).await;
    client
        .batch_execute("update user_balances set balance = balance + 0.000000000001 where balance = 10")
        .await
        .unwrap();
    let output = place.output("audit --json").await;
    assert_eq!(output.status.code(), Some(1));
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["ok"], json!(false));
    assert_eq!(report["findings"][0]["rule"], json!("balance_is_ledger"), "{report}");
    let text = String::from_utf8(place.output("audit").await.stdout).unwrap();
    assert!(text.contains("The books are wrong: 1 finding,"), "{text}");
    assert!(text.contains("balance_is_ledger  ada"), "{text}");
    // A rollup that no record is in: of a day, and of nobody.
    client
        .batch_execute("insert into usage_rollups (hour, user_no, key_no, model_no, requests) values ('2026-11-24 10:00Z', 0, 0, 0, 3)")
        .await
        .unwrap();
    let output = place.output("audit --json").await;
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["days"][0]["day"], json!("2026-11-24"), "{report}");
    assert_eq!(report["days"][0]["rollup_requests_off"], json!(3), "{report}");
    assert!(
        report["timings"]["balances_ms"].is_u64() && report["timings"]["charges_ms"].is_u64(),
        "{report}"
    );
    let text = String::from_utf8(place.output("audit").await.stdout).unwrap();
    assert!(text.contains("2026-11-24") && text.contains("ROLLUPS LESS RECORDS: REQUESTS"), "{text}");
    assert!(text.contains("Balances and states were checked in "), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_the_books_refuse_is_listed_stays_on_replay_and_is_written_off_by_name() {
    let upstream = ScriptedUpstream::start().await;
    // A number of tokens that no books hold.
    let body = r#"{"id": "x", "object": "chat.completion", "model": "m", "choices": [{"index": 0, "finish_reason": "stop",
        "message": {"role": "assistant", "content": "canary"}}],
        "usage": {"prompt_tokens": 99999999999, "completion_tokens": 1, "total_tokens": 100000000000}}"#;
    upstream.record(
        "poison",
        Recorded {
            status: 200,
            content_type: "application/json".to_owned(),
            body: body.into(),
            stated: None,
        },
    );
    let place = Place::with_database().await;
    let app = place.serve().await;
    let key = place.set_up("ada", "1", &upstream.base_url()).await;
    eventually("the request is served", async || {
        chat(app.address(), &key, "replay=poison", false).await.status == StatusCode::OK
    })
    .await;
    eventually("it is in quarantine", async || {
        place.cli("quarantine list").await.as_array().unwrap().len() == 1
    })
    .await;
    let listed = place.cli("quarantine list").await;
    let id = listed[0]["id"].as_str().unwrap();
    assert!(listed[0]["reason"].as_str().unwrap().contains("prompt_tokens"), "{listed}");
    let request = &listed[0]["request"];
    assert_eq!((&request["user"], &request["model"]), (&json!("ada"), &json!("gpt-test")), "{listed}");
    assert_eq!(
        (&request["status_code"], &request["prompt_tokens"]),
        (&json!(200), &json!(99_999_999_999_i64))
    );
    assert!(!listed.to_string().contains("canary") && !listed.to_string().contains(&key), "{listed}");
    assert_eq!(chat(app.address(), &key, "prompt=1 completion=1", false).await.status, StatusCode::OK);

    let output = place.output("quarantine replay --json").await;
    assert_eq!(output.status.code(), Some(1), "it is refused again");
    let replayed: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&replayed[0]["id"], &replayed[0]["outcome"]), (&json!(id), &json!("refused")), "{replayed}");
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(stderr.starts_with(&format!("error: {id} stays in quarantine: ")), "{stderr}");
    let output = place.output("quarantine replay").await;
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty(), "nothing was entered");
    assert_eq!(String::from_utf8(output.stderr).unwrap(), stderr);

    place.cli(&format!("quarantine write-off {id} --by ada")).await;
    assert_eq!(place.cli("quarantine list").await, json!([]));
    assert_eq!(place.cli("quarantine list --all").await[0]["written_off_by"], json!("ada"));
    let error = place.cli_fails(&format!("quarantine write-off {id}")).await;
    assert!(error.contains("quarantine list"), "{error}");

    eventually("its neighbour is in the books", async || {
        place.cli("usage --group-by user").await[0]["requests"] == json!(1)
    })
    .await;
    for group_by in ["model", "key", "user", "hour"] {
        let usage = place.cli(&format!("usage --group-by {group_by} --since 2h")).await;
        assert_eq!(usage[0]["amount"], json!("0.00004"), "{group_by}: {usage}");
        assert!(usage[0]["group"].is_string(), "{group_by}: {usage}");
    }
    assert_eq!(place.cli("usage --user ada --since 2100-01-01").await, json!([]));
    app.stop().await.unwrap();
}
