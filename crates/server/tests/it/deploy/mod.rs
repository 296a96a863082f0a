//! What `deploy/` and docs/UPGRADE.md promise to those who run it: names of metrics, rights of roles, upgrades, backups.

mod backup;
mod health;
mod manifests;
mod metrics;
mod prometheus;
mod role_rights;
mod roles;
mod upgrade;

use std::path::{Path, PathBuf};

use serde_json::Value;
use tokio::process::Command;

use crate::harness::{Place, sql};

/// A file of the repository.
fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

/// Runs a program of PostgreSQL's clients; `false`, said aloud, where this machine has none.
pub(crate) async fn run_client(program: &str, arguments: &[&str]) -> bool {
    let directory = std::env::var_os("PG_BIN").map(PathBuf::from).unwrap_or_default();
    let output = match Command::new(directory.join(program)).args(arguments).output().await {
        Ok(output) => output,
        Err(error) => {
            eprintln!("skipped: {program} is not on this machine ({error})");
            return false;
        }
    };
    assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&output.stderr));
    true
}

/// Every request in the books, in order: what it was, what it cost and by which tariff.
async fn request_log(url: &str) -> Vec<String> {
    let sql_text = "select concat_ws(' ', id, user_id, model, status_code, prompt_tokens, completion_tokens, state, total_cost, \
                    tariff_id, input_price_per_token, output_price_per_token) from http_analytics order by id";
    sql(url).await.query(sql_text, &[]).await.unwrap().iter().map(|row| row.get(0)).collect()
}

/// What of these users is left.
async fn balance(place: &Place, user: &str) -> Value {
    place.cli(&format!("balance {user}")).await["balance"].clone()
}
