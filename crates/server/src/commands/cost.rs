//! `tollgate cost`: what upstreams ask. It is for reports of margin alone, and changes no charge.

use jiff::Timestamp;
use serde::Serialize;
use tollgate_domain::Clock;
use tollgate_store::{
    StoreError, Tx,
    management::usage::{BucketWidth, start_of_bucket},
    model_costs::{self, CostChange, CostPrices, ModelCost},
    models,
};

use super::{ACTOR, Session};
use crate::{
    cli::{CostCommand, CostSetArgs, parse_instant, parse_optional_instant},
    output::{Answer, Column, NONE, count, table},
};

pub(super) async fn answer(session: &Session, command: CostCommand) -> anyhow::Result<Answer> {
    match command {
        CostCommand::Set(args) => set(session, *args).await,
        CostCommand::List { alias } => list(session, alias.as_deref()).await,
        CostCommand::Remove { alias, valid_from } => remove(session, &alias, &valid_from).await,
    }
}

async fn set(session: &Session, args: CostSetArgs) -> anyhow::Result<Answer> {
    let now = session.clock.now();
    let valid_from = parse_optional_instant(args.valid_from.as_deref(), now)?;
    let cost = ModelCost {
        valid_from: valid_from.unwrap_or_else(|| start_of_bucket(BucketWidth::Hour, now)),
        prices: args.prices(),
    };
    let set = async |tx: Tx| model_costs::set(&tx, &args.alias, cost, ACTOR).await;
    let change = session.store.tx("set_model_cost", set).await?;
    changed(&args.alias, &change)
}

async fn remove(session: &Session, alias: &str, valid_from: &str) -> anyhow::Result<Answer> {
    let valid_from: Timestamp = parse_instant(valid_from, session.clock.now())?;
    let remove = async |tx: Tx| model_costs::remove(&tx, alias, valid_from, ACTOR).await;
    changed(alias, &session.store.tx("remove_model_cost", remove).await?)
}

fn changed(alias: &str, change: &CostChange) -> anyhow::Result<Answer> {
    let said = format!(
        "Costs of {alias}: {} set, {} replaced or removed; {} in all.",
        change.set.len(),
        change.replaced.len(),
        count(u64::try_from(change.costs.len())?, "price")
    );
    Answer::new(change, said)
}

/// A price and whose it is.
#[derive(Debug, Serialize)]
struct Listed {
    model: String,
    #[serde(flatten)]
    cost: ModelCost,
}

async fn list(session: &Session, alias: Option<&str>) -> anyhow::Result<Answer> {
    let read = async |tx: Tx| read_all(&tx, alias).await;
    let listed = session.store.tx_repeatable_read("list_model_costs", read).await?;
    let columns = [
        Column::Text("MODEL"),
        Column::Number("INPUT"),
        Column::Number("OUTPUT"),
        Column::Text("FROM"),
        Column::Text("FURTHER PRICES"),
    ];
    let rows = listed.iter().map(|Listed { model, cost }| {
        vec![
            model.clone(),
            cost.prices.input_price.to_string(),
            cost.prices.output_price.to_string(),
            cost.valid_from.to_string(),
            further_prices(&cost.prices),
        ]
    });
    let text =
        table(&columns, rows, "No cost price yet: tollgate cost set ALIAS --input-price X --output-price Y");
    Answer::new(&listed, text)
}

/// The prices that differ from those of input and output, by the names that `cost set` gives them.
fn further_prices(prices: &CostPrices) -> String {
    let further = [
        ("cache-read", prices.cache_read_price),
        ("cache-write", prices.cache_write_price),
        ("reasoning", prices.reasoning_price),
        ("request", prices.request_price),
    ];
    let set: Vec<String> =
        further.iter().filter_map(|(name, price)| price.map(|price| format!("{name} {price}"))).collect();
    if set.is_empty() { NONE.to_owned() } else { set.join(", ") }
}

async fn read_all(tx: &Tx, alias: Option<&str>) -> Result<Vec<Listed>, StoreError> {
    let names = if let Some(alias) = alias {
        vec![(alias.to_owned(), alias.to_owned())]
    } else {
        let models = models::list(tx).await?;
        models.into_iter().map(|model| (model.id.to_string(), model.alias)).collect()
    };
    let mut listed = Vec::new();
    for (id, model) in names {
        let costs = model_costs::list(tx, &id).await?;
        listed.extend(costs.into_iter().map(|cost| Listed { model: model.clone(), cost }));
    }
    Ok(listed)
}
