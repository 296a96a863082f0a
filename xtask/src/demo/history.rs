//! Weeks of history before the demo begins: a program beside the server enters them by the real batcher.
//!
//! It is an example of `tollgate-metering`, because this crate knows neither the batcher nor the database.

use std::fs;

use anyhow::Context;
use serde_json::{Map, Value, json};
use tollgate_testkit::oracle_sum;

use crate::{
    process::Run,
    stage::{
        cast::{MODELS, Tariff, wanted_tariff},
        tollgate::Tollgate,
    },
};

/// What cargo is told to build beside the server.
pub(crate) const BUILT_WITH: &str = "--package tollgate-metering --example demo-history";
/// The model whose prices were halved on the way.
const HALVED: &str = "gpt-demo";

/// Enters it; answers the hour that it ends before, from which on there are only requests of the demo itself.
pub(crate) fn write(tollgate: &Tollgate) -> anyhow::Result<String> {
    let program =
        tollgate.binary().parent().context("the server is in a directory")?.join("examples/demo-history");
    let tariffs = tollgate.data_directory().join("history-tariffs.json");
    let models: Map<String, Value> = MODELS
        .iter()
        .map(|model| {
            let prices: Vec<Value> = model.tariffs.iter().map(wanted_tariff).collect();
            let before: Vec<Value> =
                model.tariffs.iter().filter(|_| model.alias == HALVED).map(doubled).collect();
            (model.alias.to_owned(), json!({ "prices": prices, "before": before }))
        })
        .collect();
    fs::write(&tariffs, serde_json::to_vec_pretty(&models)?)?;
    let run = Run::program(program)
        .withhold("TOLLGATE_")
        .arg("--data-dir")
        .arg(tollgate.data_directory())
        .arg("--tariffs")
        .arg(&tariffs);
    let said: Value =
        serde_json::from_str(&run.output()?).with_context(|| format!("`{run}` printed no JSON"))?;
    println!(
        "   {} requests of {} customers in {} days, entered in {:.1} s",
        said["requests"],
        said["customers"],
        said["days"],
        said["seconds"].as_f64().unwrap_or_default()
    );
    said["until"].as_str().map(str::to_owned).with_context(|| format!("no end in {said}"))
}

fn doubled(tariff: &Tariff) -> Value {
    let mut wanted = wanted_tariff(tariff);
    for price in ["input_price", "output_price", "cache_read_price"] {
        if let Some(price) = wanted.get_mut(price)
            && let Some(text) = price.as_str().map(str::to_owned)
        {
            *price = oracle_sum([text.as_str(), text.as_str()]).into();
        }
    }
    wanted
}
