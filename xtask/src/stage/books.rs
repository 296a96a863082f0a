//! Two books of the same traffic as sums: Tollgate's, read through its command line, and the upstream's own.

use anyhow::Context;
use serde_json::Value;
use tollgate_testkit::{
    oracle_charge, oracle_sum,
    upstream::{BookEntry, Counts},
};

use super::{
    cast::{Customer, MODELS},
    tollgate::Tollgate,
};

/// What a book says of one customer, or of one model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) requests: i64,
    pub(crate) prompt: i64,
    pub(crate) completion: i64,
    /// Credits, as the shortest exact decimal.
    pub(crate) charged: String,
}

/// What the upstream says it served in one request.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) customer: String,
    /// The alias that customers know the model by.
    pub(crate) model: &'static str,
    pub(crate) counts: Counts,
}

/// The sums of `tollgate usage` with these arguments, by the name of the group.
pub(crate) fn sums(tollgate: &Tollgate, of: &[&str]) -> anyhow::Result<Vec<(String, Sum)>> {
    let usage = tollgate.cli(&[&["usage"], of].concat())?;
    let rows = usage.as_array().with_context(|| format!("`usage` printed no list: {usage}"))?;
    rows.iter()
        .map(|row| {
            let number = |name: &str| {
                row.get(name).and_then(Value::as_i64).with_context(|| format!("no `{name}` in {row}"))
            };
            let sum = Sum {
                requests: number("requests")?,
                prompt: number("prompt_tokens")?,
                completion: number("completion_tokens")?,
                charged: oracle_sum([text(row, "amount")?]),
            };
            // Requests without a user, or without a model, are a group without a name.
            Ok((text(row, "group").unwrap_or_default().to_owned(), sum))
        })
        .collect()
}

/// The sum of one group; nothing booked is a sum of zero.
pub(crate) fn of(sums: &[(String, Sum)], name: &str) -> Sum {
    let nothing = || Sum { charged: "0".to_owned(), ..Sum::default() };
    sums.iter().find(|(group, _)| group == name).map_or_else(nothing, |(_, sum)| sum.clone())
}

/// What the upstream's own book makes of one customer, at the prices of the cast.
pub(crate) fn expected(customer: &Customer, served: &[Served]) -> anyhow::Result<Sum> {
    let mut sum = Sum { charged: "0".to_owned(), ..Sum::default() };
    for served in served.iter().filter(|served| served.customer == customer.name) {
        sum.add(customer, served)?;
    }
    Ok(sum)
}

impl Sum {
    /// One more request of this customer, priced without any of Tollgate's code.
    pub(crate) fn add(&mut self, customer: &Customer, served: &Served) -> anyhow::Result<()> {
        let tariff =
            customer.tariff(served.model).with_context(|| format!("{} has no price", served.model))?;
        let charge = oracle_charge(&served.counts, &tariff.oracle_prices());
        self.requests += 1;
        self.prompt += served.counts.prompt;
        self.completion += served.counts.completion;
        self.charged = oracle_sum([self.charged.as_str(), charge.as_str()]);
        Ok(())
    }
}

impl Served {
    /// What an entry of the upstream's book comes to; `None` where it answered without usage.
    pub(crate) fn of(entry: BookEntry) -> anyhow::Result<Option<Self>> {
        let Some(counts) = entry.stated else { return Ok(None) };
        let upstream = entry.model.context("a request without a model")?;
        let model = MODELS.iter().find(|model| model.upstream == upstream);
        Ok(Some(Self {
            customer: entry.tag.context("a request without a customer")?,
            model: model.with_context(|| format!("nobody offers {upstream}"))?.alias,
            counts,
        }))
    }
}

/// A text of a JSON object.
pub(crate) fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value.get(name).and_then(Value::as_str).with_context(|| format!("no `{name}` in {value}"))
}
