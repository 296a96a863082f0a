//! The file of `tariff replace`: a JSON list of the prices that shall be in force.
//!
//! A price may be a JSON string or a JSON number. Either is read from its text, digit by digit: no price
//! passes through a float on its way into the books.

use anyhow::{Context, bail};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::value::RawValue;
use tollgate_domain::{ApiKeyPurpose, PriceList, PricePerToken};
use tollgate_store::tariffs::WantedTariff;

use super::parse_instant;

/// One entry as it is written.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry<'a> {
    purpose: Option<String>,
    #[serde(alias = "window")]
    completion_window: Option<String>,
    valid_from: Option<String>,
    #[serde(borrow)]
    input_price: &'a RawValue,
    #[serde(borrow)]
    output_price: &'a RawValue,
    #[serde(borrow)]
    cache_read_price: Option<&'a RawValue>,
    #[serde(borrow, alias = "cache_write_price")]
    cache_write_5m_price: Option<&'a RawValue>,
    #[serde(borrow)]
    cache_write_1h_price: Option<&'a RawValue>,
    #[serde(borrow)]
    audio_input_price: Option<&'a RawValue>,
    #[serde(borrow)]
    image_input_price: Option<&'a RawValue>,
    #[serde(borrow)]
    reasoning_price: Option<&'a RawValue>,
    #[serde(borrow)]
    audio_output_price: Option<&'a RawValue>,
    #[serde(borrow)]
    request_price: Option<&'a RawValue>,
}

/// Reads the whole list. An error names the entry, counted from one.
pub(crate) fn parse(text: &str, now: Timestamp) -> anyhow::Result<Vec<WantedTariff>> {
    let entries: Vec<&RawValue> =
        serde_json::from_str(text).context("the file must hold a JSON list of tariffs")?;
    let parse_one = |(index, raw): (usize, &&RawValue)| {
        let entry: Entry<'_> = serde_json::from_str(raw.get()).with_context(|| of(index))?;
        wanted(&entry, now).with_context(|| of(index))
    };
    entries.iter().enumerate().map(parse_one).collect()
}

fn of(index: usize) -> String {
    format!("tariff {} of the list", index + 1)
}

fn wanted(entry: &Entry<'_>, now: Timestamp) -> anyhow::Result<WantedTariff> {
    let optional = |name: &str, raw: Option<&RawValue>| match raw {
        Some(raw) if raw.get() != "null" => price(name, raw).map(Some),
        _ => Ok(None),
    };
    Ok(WantedTariff {
        purpose: entry.purpose.as_deref().map_or(Ok(ApiKeyPurpose::default()), str::parse)?,
        completion_window: entry.completion_window.clone().filter(|window| !window.is_empty()),
        prices: PriceList {
            input_price: price("input_price", entry.input_price)?,
            output_price: price("output_price", entry.output_price)?,
            cache_read_price: optional("cache_read_price", entry.cache_read_price)?,
            cache_write_5m_price: optional("cache_write_5m_price", entry.cache_write_5m_price)?,
            cache_write_1h_price: optional("cache_write_1h_price", entry.cache_write_1h_price)?,
            audio_input_price: optional("audio_input_price", entry.audio_input_price)?,
            image_input_price: optional("image_input_price", entry.image_input_price)?,
            reasoning_price: optional("reasoning_price", entry.reasoning_price)?,
            audio_output_price: optional("audio_output_price", entry.audio_output_price)?,
            request_price: optional("request_price", entry.request_price)?,
        },
        valid_from: entry.valid_from.as_deref().map(|text| parse_instant(text, now)).transpose()?,
    })
}

fn price(name: &str, raw: &RawValue) -> anyhow::Result<PricePerToken> {
    let text = raw.get();
    let digits = match text.as_bytes().first() {
        Some(b'"') => serde_json::from_str::<String>(text)?,
        Some(b'-' | b'0'..=b'9') => text.to_owned(),
        _ => bail!("`{name}` must be a decimal number or a string of one, such as 0.00001 or \"0.00001\""),
    };
    digits.parse().with_context(|| format!("`{name}`"))
}

#[cfg(test)]
mod tests;
