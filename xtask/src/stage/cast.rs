//! Who takes part: models with their prices, and customers. Made through the command line, as an operator would.

use std::fs;

use anyhow::Context;
use serde_json::{Value, json};
use tollgate_testkit::OraclePrices;

use super::{ask::Surface, tollgate::Tollgate};

/// The name of the upstream.
const ENDPOINT: &str = "scripted-upstream";
/// Completion window of the batch customer.
pub(crate) const BATCH_WINDOW: &str = "24h";

/// Prices for a purpose, in credits per token.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Tariff {
    pub(crate) purpose: &'static str,
    pub(crate) window: Option<&'static str>,
    pub(crate) input: &'static str,
    pub(crate) output: &'static str,
    pub(crate) cache_read: Option<&'static str>,
}

/// A model as customers know it, and at the upstream.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Model {
    pub(crate) alias: &'static str,
    pub(crate) upstream: &'static str,
    pub(crate) tariffs: &'static [Tariff],
}

/// One who pays, and the one key of theirs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Customer {
    pub(crate) name: &'static str,
    pub(crate) credits: &'static str,
    pub(crate) purpose: &'static str,
    pub(crate) window: Option<&'static str>,
    /// Of twenty requests, so many are this customer's.
    pub(crate) share: usize,
}

const fn tariff(
    purpose: &'static str,
    window: Option<&'static str>,
    input: &'static str,
    output: &'static str,
) -> Tariff {
    Tariff { purpose, window, input, output, cache_read: None }
}

/// One model for each kind of client.
pub(crate) const MODELS: [Model; 4] = [
    Model {
        alias: "gpt-demo",
        upstream: "upstream-gpt",
        tariffs: &[
            Tariff { cache_read: Some("0.0000003"), ..tariff("realtime", None, "0.000003", "0.000015") },
            tariff("batch", Some(BATCH_WINDOW), "0.0000015", "0.0000075"),
            tariff("playground", None, "0.000002", "0.00001"),
        ],
    },
    Model {
        alias: "claude-demo",
        upstream: "upstream-claude",
        tariffs: &[
            Tariff { cache_read: Some("0.0000005"), ..tariff("realtime", None, "0.000005", "0.000025") },
            tariff("batch", Some(BATCH_WINDOW), "0.0000025", "0.0000125"),
            tariff("playground", None, "0.000004", "0.00002"),
        ],
    },
    // Without a price of their own, batches and the playground pay the realtime price.
    Model {
        alias: "gemini-demo",
        upstream: "upstream-gemini",
        tariffs: &[tariff("realtime", None, "0.00000125", "0.00001")],
    },
    Model {
        alias: "embed-demo",
        upstream: "upstream-embed",
        tariffs: &[tariff("realtime", None, "0.00000002", "0"), tariff("batch", None, "0.00000001", "0")],
    },
];

impl Surface {
    /// The model that its clients ask for.
    pub(crate) const fn model(self) -> &'static str {
        match self {
            Self::Chat | Self::Responses => "gpt-demo",
            Self::Messages => "claude-demo",
            Self::Gemini => "gemini-demo",
            Self::Embeddings => "embed-demo",
        }
    }
}

impl Customer {
    /// What this customer pays for a model: the own price for the own window, else the own, else realtime's.
    pub(crate) fn tariff(&self, alias: &str) -> Option<&'static Tariff> {
        let model = MODELS.iter().find(|model| model.alias == alias)?;
        let of = |purpose: &str, window: Option<&str>| {
            model.tariffs.iter().find(|tariff| tariff.purpose == purpose && tariff.window == window)
        };
        of(self.purpose, self.window).or_else(|| of(self.purpose, None)).or_else(|| of("realtime", None))
    }
}

impl Tariff {
    /// The same, for the oracle that charges independently of Tollgate.
    pub(crate) fn oracle_prices(&self) -> OraclePrices<'static> {
        OraclePrices {
            input: self.input,
            output: self.output,
            cache_read: self.cache_read,
            ..OraclePrices::default()
        }
    }
}

/// Makes upstream, models, prices, customers and keys; answers the secrets of the keys in the order of the customers.
pub(crate) fn create(
    tollgate: &Tollgate,
    upstream: &str,
    customers: &[Customer],
) -> anyhow::Result<Vec<String>> {
    tollgate.cli(&[
        "endpoint",
        "create",
        ENDPOINT,
        upstream,
        "--provider",
        "scripted",
        "--auth-style",
        "none",
    ])?;
    for model in MODELS {
        create_model(tollgate, model.alias, ENDPOINT, model.upstream, model.tariffs)?;
    }
    customers.iter().map(|customer| create_customer(tollgate, customer)).collect()
}

/// Makes one model with all its prices, as a whole list.
pub(crate) fn create_model(
    tollgate: &Tollgate,
    alias: &str,
    endpoint: &str,
    upstream_model: &str,
    tariffs: &[Tariff],
) -> anyhow::Result<()> {
    tollgate.cli(&["model", "create", alias, "--endpoint", endpoint, "--upstream-model", upstream_model])?;
    let wanted: Vec<Value> = tariffs.iter().map(wanted_tariff).collect();
    let file = tollgate.data_directory().join(format!("{alias}.json"));
    fs::write(&file, serde_json::to_vec_pretty(&wanted)?)?;
    tollgate.cli(&["tariff", "replace", alias, &file.to_string_lossy()])?;
    Ok(())
}

/// In the form of a file of tariffs.
pub(crate) fn wanted_tariff(tariff: &Tariff) -> Value {
    let mut wanted =
        json!({"purpose": tariff.purpose, "input_price": tariff.input, "output_price": tariff.output});
    for (name, value) in [("completion_window", tariff.window), ("cache_read_price", tariff.cache_read)] {
        if let (Some(fields), Some(value)) = (wanted.as_object_mut(), value) {
            fields.insert(name.to_owned(), value.into());
        }
    }
    wanted
}

fn create_customer(tollgate: &Tollgate, customer: &Customer) -> anyhow::Result<String> {
    tollgate.cli(&["user", "create", customer.name, "--credits", customer.credits])?;
    let mut arguments = vec!["key", "create", "--user", customer.name, "--purpose", customer.purpose];
    if customer.window.is_some() {
        arguments.push("--trusted");
    }
    let key = tollgate.cli(&arguments)?;
    key.get("secret").and_then(Value::as_str).map(str::to_owned).context("`key create` printed no secret")
}
