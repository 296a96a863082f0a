//! `tollgate model`: the names that clients ask for.

use tollgate_store::{Tx, models};

use super::{ACTOR, Session};
use crate::{
    cli::ModelCommand,
    output::{Answer, Column, table},
};

pub(super) async fn answer(session: &Session, command: ModelCommand) -> anyhow::Result<Answer> {
    match command {
        ModelCommand::Create { alias, endpoint, upstream_model } => {
            create(session, &alias, &endpoint, upstream_model.as_deref()).await
        }
        ModelCommand::Set { alias, endpoint, upstream_model } => {
            set(session, &alias, endpoint.as_deref(), upstream_model.as_deref()).await
        }
        ModelCommand::Delete { alias } => delete(session, &alias).await,
        ModelCommand::List => list(session).await,
    }
}

async fn create(
    session: &Session,
    alias: &str,
    endpoint: &str,
    upstream_model: Option<&str>,
) -> anyhow::Result<Answer> {
    let create = async |tx: Tx| models::create(&tx, alias, endpoint, upstream_model, ACTOR).await;
    let model = session.store.tx("create_model", create).await?;
    let text = format!(
        "Created model {} ({} at {}). It has no price yet: tollgate tariff set {0} --input-price X --output-price Y",
        model.alias, model.upstream_model, model.endpoint_name
    );
    Answer::new(&model, text)
}

async fn set(
    session: &Session,
    alias: &str,
    endpoint: Option<&str>,
    upstream_model: Option<&str>,
) -> anyhow::Result<Answer> {
    let set = async |tx: Tx| models::set(&tx, alias, endpoint, upstream_model, ACTOR).await;
    let model = session.store.tx("set_model", set).await?;
    let text = format!(
        "Model {} is {} at {}; gateways know within a second.",
        model.alias, model.upstream_model, model.endpoint_name
    );
    Answer::new(&model, text)
}

async fn delete(session: &Session, alias: &str) -> anyhow::Result<Answer> {
    let delete = async |tx: Tx| models::delete(&tx, alias, ACTOR).await;
    let model = session.store.tx("delete_model", delete).await?;
    let text = format!(
        "Deleted model {}. Its alias is free again; what was requested before is still charged.",
        model.alias
    );
    Answer::new(&model, text)
}

async fn list(session: &Session) -> anyhow::Result<Answer> {
    let models = session.store.tx("list_models", async |tx| models::list(&tx).await).await?;
    let columns = [Column::Text("MODEL"), Column::Text("ENDPOINT"), Column::Text("UPSTREAM MODEL")];
    let rows = models
        .iter()
        .map(|model| vec![model.alias.clone(), model.endpoint_name.clone(), model.upstream_model.clone()]);
    let text = table(&columns, rows, "No model yet: tollgate model create ALIAS --endpoint NAME");
    Answer::new(&models, text)
}
