//! `tollgate tariff`: prices. After a change, what was waiting for a price is rated at once.

use std::{io::Read, path::Path};

use anyhow::Context;
use serde::Serialize;
use serde_json::json;
use tollgate_domain::{Clock, PriceList};
use tollgate_store::{
    StoreError, Tx, models,
    tariffs::{self, StoredTariff, TariffChange, WantedTariff},
};

use super::{ACTOR, Session};
use crate::{
    cli::{TariffCommand, TariffSetArgs, parse_optional_instant, tariff_file},
    output::{Answer, Column, NONE, count, or_none, table},
};

pub(super) async fn answer(session: &Session, command: TariffCommand) -> anyhow::Result<Answer> {
    match command {
        TariffCommand::Replace { alias, file } => replace(session, &alias, &file).await,
        TariffCommand::Set(args) => set(session, *args).await,
        TariffCommand::List { alias } => list(session, alias.as_deref()).await,
    }
}

async fn replace(session: &Session, alias: &str, file: &Path) -> anyhow::Result<Answer> {
    let text = read(file).with_context(|| format!("cannot read the list of tariffs {}", file.display()))?;
    let wanted = tariff_file::parse(&text, session.clock.now())?;
    let replace = async |tx: Tx| tariffs::replace(&tx, alias, &wanted, &session.clock, ACTOR).await;
    let change = session.store.tx("replace_tariffs", replace).await?;
    changed(session, alias, &change).await
}

/// `-` is stdin, as everywhere.
fn read(file: &Path) -> std::io::Result<String> {
    if file == Path::new("-") {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text)?;
        return Ok(text);
    }
    std::fs::read_to_string(file)
}

async fn set(session: &Session, args: TariffSetArgs) -> anyhow::Result<Answer> {
    let wanted = WantedTariff {
        purpose: args.purpose,
        prices: args.prices(),
        valid_from: parse_optional_instant(args.valid_from.as_deref(), session.clock.now())?,
        completion_window: args.window,
    };
    let set = async |tx: Tx| tariffs::set(&tx, &args.alias, &wanted, &session.clock, ACTOR).await;
    let change = session.store.tx("set_tariff", set).await?;
    changed(session, &args.alias, &change).await
}

async fn changed(session: &Session, alias: &str, change: &TariffChange) -> anyhow::Result<Answer> {
    let rating = session.rate_unrated().await?;
    let mut json = json!(change);
    if let Some(object) = json.as_object_mut() {
        object.insert("rating".to_owned(), json!(rating));
    }
    let (opened, ended) = (change.opened.len(), change.ended.len());
    let extended = match change.extended.len() {
        0 => String::new(),
        extended => format!(" {extended} extended,"),
    };
    let mut said = vec![format!(
        "Prices of {alias}: {opened} opened, {ended} ended,{extended} {} unchanged.",
        change.unchanged
    )];
    if rating.rated > 0 {
        let waited = count(rating.rated, "request");
        said.push(format!("{waited} that had waited for a price cost {}.", rating.charged));
    }
    if rating.left > 0 {
        let waiting = count(rating.left, "request");
        let verb = if rating.left == 1 { "waits" } else { "wait" };
        said.push(format!("{waiting} of all models together still {verb} for a price."));
    }
    Answer::new(&json, said.join(" "))
}

/// A tariff and whose it is.
#[derive(Debug, Serialize)]
struct Listed {
    model: String,
    #[serde(flatten)]
    tariff: StoredTariff,
}

async fn list(session: &Session, alias: Option<&str>) -> anyhow::Result<Answer> {
    let read = async |tx: Tx| read_all(&tx, alias).await;
    let listed = session.store.tx_repeatable_read("list_tariffs", read).await?;
    let columns = [
        Column::Text("MODEL"),
        Column::Text("PURPOSE"),
        Column::Text("WINDOW"),
        Column::Number("INPUT"),
        Column::Number("OUTPUT"),
        Column::Text("FROM"),
        Column::Text("UNTIL"),
        Column::Text("FURTHER PRICES"),
    ];
    let rows = listed.iter().map(|Listed { model, tariff }| {
        vec![
            model.clone(),
            tariff.purpose.as_str().to_owned(),
            or_none(tariff.completion_window.as_ref()),
            tariff.prices.input_price.to_string(),
            tariff.prices.output_price.to_string(),
            tariff.valid_from.to_string(),
            or_none(tariff.valid_until),
            further_prices(&tariff.prices),
        ]
    });
    let text =
        table(&columns, rows, "No price yet: tollgate tariff set ALIAS --input-price X --output-price Y");
    Answer::new(&listed, text)
}

/// The prices that differ from those of input and output, by the names that `tariff set` gives them.
fn further_prices(prices: &PriceList) -> String {
    let further = [
        ("cache-read", prices.cache_read_price),
        ("cache-write", prices.cache_write_5m_price),
        ("cache-write-1h", prices.cache_write_1h_price),
        ("audio-input", prices.audio_input_price),
        ("image-input", prices.image_input_price),
        ("reasoning", prices.reasoning_price),
        ("audio-output", prices.audio_output_price),
        ("request", prices.request_price),
    ];
    let set: Vec<String> =
        further.iter().filter_map(|(name, price)| price.map(|price| format!("{name} {price}"))).collect();
    if set.is_empty() { NONE.to_owned() } else { set.join(", ") }
}

async fn read_all(tx: &Tx, alias: Option<&str>) -> Result<Vec<Listed>, StoreError> {
    let models = match alias {
        Some(alias) => vec![models::find(tx, alias).await?],
        None => models::list(tx).await?,
    };
    let mut listed = Vec::new();
    for model in models {
        let id = model.id.to_string();
        let tariffs = tariffs::list(tx, &id).await?;
        listed.extend(tariffs.into_iter().map(|tariff| Listed { model: model.alias.clone(), tariff }));
    }
    Ok(listed)
}
