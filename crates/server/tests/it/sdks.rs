//! The official SDKs of OpenAI, Anthropic and Google, in Python and Node, unmodified but for the base URL.
//!
//! `cargo ci` installs them (as `cargo run -p xtask -- sdks` does) and says where in `TOLLGATE_SDKS`; where that is set, they
//! must be there. Without it and without them these tests say so and skip.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tokio::process::Command;
use tollgate_testkit::ScriptedUpstream;

use crate::harness::{Place, eventually, sql};

/// The exception types that the SDKs raise, by surface and status.
const PYTHON_ERRORS: [(&str, &str, u64); 9] = [
    ("openai.401", "AuthenticationError", 401),
    ("openai.402", "APIStatusError", 402),
    ("openai.404", "NotFoundError", 404),
    ("anthropic.401", "AuthenticationError", 401),
    ("anthropic.402", "PaymentRequiredError", 402),
    ("anthropic.404", "NotFoundError", 404),
    ("gemini.401", "ClientError", 401),
    ("gemini.402", "ClientError", 402),
    ("gemini.404", "ClientError", 404),
];
const NODE_ERRORS: [(&str, &str, u64); 9] = [
    ("node.openai.401", "AuthenticationError", 401),
    ("node.openai.402", "APIError", 402),
    ("node.openai.404", "NotFoundError", 404),
    ("node.anthropic.401", "AuthenticationError", 401),
    ("node.anthropic.402", "PaymentRequiredError", 402),
    ("node.anthropic.404", "NotFoundError", 404),
    ("node.gemini.401", "ApiError", 401),
    ("node.gemini.402", "ApiError", 402),
    ("node.gemini.404", "ApiError", 404),
];

#[tokio::test(flavor = "multi_thread")]
async fn the_python_sdks_work_and_raise_their_own_exceptions() {
    let Some(home) = sdk_home("python") else { return };
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/check.py");
    check(&home.join("bin/python"), &script, &PYTHON_ERRORS, 10).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_sdks_work_and_raise_their_own_exceptions() {
    let Some(home) = sdk_home("node") else { return };
    // Node finds packages from where the script is.
    let script = home.join("check.mjs");
    std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/check.mjs"), &script).unwrap();
    check(Path::new("node"), &script, &NODE_ERRORS, 9).await;
}

/// Where the SDKs for a language are installed, if they are.
pub(crate) fn sdk_home(language: &str) -> Option<PathBuf> {
    let named = std::env::var_os("TOLLGATE_SDKS").map(PathBuf::from);
    let binary = Path::new(env!("CARGO_BIN_EXE_tollgate"));
    let home =
        named.clone().unwrap_or_else(|| binary.ancestors().nth(2).unwrap().join("sdks")).join(language);
    if home.join("installed").exists() {
        return Some(home);
    }
    assert!(named.is_none(), "no SDKs in {}: cargo run -p xtask -- sdks", home.display());
    eprintln!("skipped: no SDKs in {}; cargo run -p xtask -- sdks installs them", home.display());
    None
}

async fn check(program: &Path, script: &Path, errors: &[(&str, &str, u64)], least_answers: usize) {
    let upstream = ScriptedUpstream::start().await;
    let place = Place::with_database().await;
    place.cli(&format!("endpoint create up {}", upstream.base_url())).await;
    for model in ["gpt-test", "claude-test", "gemini-test", "embed-test"] {
        place.cli(&format!("model create {model} --endpoint up --upstream-model upstream-{model}")).await;
        place.cli(&format!("tariff set {model} --input-price 0.00001 --output-price 0.00003")).await;
    }
    place.cli("user create rich --credits 1000").await;
    place.cli("user create poor").await;
    let app = place.serve().await;
    let output = Command::new(program)
        .arg(script)
        .env("TOLLGATE_URL", format!("http://{}", app.address()))
        .env("TOLLGATE_KEY", place.new_key("rich").await)
        .env("TOLLGATE_POOR_KEY", place.new_key("poor").await)
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let stdout = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{stdout}\n{}", String::from_utf8_lossy(&output.stderr));
    let said: Vec<Value> = stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();

    for (case, error, status) in errors {
        let line =
            said.iter().find(|line| line["case"] == json!(case)).unwrap_or_else(|| panic!("no {case}"));
        assert_eq!((&line["error"], &line["status"]), (&json!(error), &json!(status)), "{line}");
    }
    let usage_hidden = said.iter().filter(|line| line["usage_seen"] == json!(false)).count();
    assert_eq!(usage_hidden, 1, "a stream that did not ask for usage gets none: {stdout}");

    let answers: Vec<&Value> =
        said.iter().filter(|line| line.get("text").is_some_and(|text| text != "")).collect();
    assert!(answers.len() >= least_answers, "{} answers: {stdout}", answers.len());
    let sql = sql(place.database_url()).await;
    eventually("every answer is in the books", async || {
        let row =
            sql.query_one("select count(*) from http_analytics where state = 'charged'", &[]).await.unwrap();
        row.get::<_, i64>(0) == i64::try_from(answers.len()).unwrap()
    })
    .await;
    let rows = sql
        .query("select prompt_tokens, coalesce(completion_tokens, 0) from http_analytics order by correlation_id", &[])
        .await
        .unwrap();
    for (line, row) in answers.iter().zip(rows) {
        let Some(prompt) = line["prompt"].as_i64() else { continue };
        let counts = (i64::from(row.get::<_, i32>(0)), i64::from(row.get::<_, i32>(1)));
        assert_eq!(counts, (prompt, line["completion"].as_i64().unwrap()), "{line}");
    }
    let served = upstream.books();
    assert_eq!(served.len(), answers.len(), "refused requests reach no upstream");
    assert!(
        served.iter().all(|entry| entry.model.as_deref().is_some_and(|model| model.starts_with("upstream-")))
    );
    assert_eq!(place.cli("audit").await["ok"], json!(true));
    app.stop().await.unwrap();
}
