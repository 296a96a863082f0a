//! `tollgate endpoint`: upstreams.

use std::env::VarError;

use anyhow::bail;
use secrecy::SecretString;
use tollgate_store::endpoints::{self, Endpoint, NewEndpoint, OnDisconnect, OnMissingUsage};
use tollgate_store::snapshot::ConfigEndpoint;
use tollgate_store::{StoreError, Tx};

use super::{ACTOR, Session};
use crate::{
    app::refresher,
    cli::{EndpointCommand, EndpointCreateArgs, OnDisconnectArg, OnMissingUsageArg},
    output::{Answer, Column, or_none, table},
};

pub(super) async fn answer(session: &Session, command: EndpointCommand) -> anyhow::Result<Answer> {
    match command {
        EndpointCommand::Create(args) => create(session, args).await,
        EndpointCommand::List => list(session).await,
    }
}

async fn create(session: &Session, args: EndpointCreateArgs) -> anyhow::Result<Answer> {
    let new = NewEndpoint {
        secret: args.api_key_env.as_deref().map(credential).transpose()?,
        name: args.name,
        base_url: args.url,
        provider_name: args.provider,
        auth_style: args.auth_style.as_str().parse()?,
        inject_usage: !args.no_inject_usage,
        on_disconnect: match args.on_disconnect {
            OnDisconnectArg::Drain => OnDisconnect::Drain,
            OnDisconnectArg::Cancel => OnDisconnect::Cancel,
        },
        on_missing_usage: match args.on_missing_usage {
            OnMissingUsageArg::Estimate => OnMissingUsage::Estimate,
            OnMissingUsageArg::Unrated => OnMissingUsage::Unrated,
        },
        path_templates: args.path_template.into_iter().collect(),
        pass_through_paths: args.pass_through,
    };
    let master = session.master_key().await?;
    let create = async |tx: Tx| {
        let endpoint = endpoints::create(&tx, &master, &new, ACTOR).await?;
        // What a gateway would leave out, with a line in its log, is refused to whoever can mend it.
        let stored = ConfigEndpoint { endpoint: endpoint.clone(), secret: new.secret.clone() };
        refresher::endpoint(stored).check().map_err(|problem| {
            StoreError::refused(format!("endpoint {:?} could not be used: {problem}", endpoint.name))
        })?;
        Ok(endpoint)
    };
    let endpoint: Endpoint = session.store.tx("create_endpoint", create).await?;
    let text = format!(
        "Created endpoint {} at {}. Offer a model of it: tollgate model create ALIAS --endpoint {0}",
        endpoint.name, endpoint.base_url
    );
    Answer::new(&endpoint, text)
}

/// The upstream's credential. It comes by a variable because an argument would stand in the shell's history and in `ps`.
fn credential(variable: &str) -> anyhow::Result<SecretString> {
    match std::env::var(variable) {
        Ok(text) if !text.trim().is_empty() => Ok(SecretString::from(text.trim())),
        Ok(_) => bail!("the environment variable {variable} is empty; it must hold the upstream's API key"),
        Err(VarError::NotPresent) => {
            bail!("the environment variable {variable} is not set; it must hold the upstream's API key")
        }
        Err(VarError::NotUnicode(_)) => {
            bail!("the environment variable {variable} holds bytes that no API key has")
        }
    }
}

async fn list(session: &Session) -> anyhow::Result<Answer> {
    let endpoints = session.store.tx("list_endpoints", async |tx| endpoints::list(&tx).await).await?;
    let columns = [
        Column::Text("ENDPOINT"),
        Column::Text("URL"),
        Column::Text("PROVIDER"),
        Column::Text("CREDENTIAL"),
        Column::Text("ON DISCONNECT"),
    ];
    let rows = endpoints.iter().map(|endpoint| {
        vec![
            endpoint.name.clone(),
            endpoint.base_url.clone(),
            or_none(endpoint.provider_name.as_ref()),
            endpoint.auth_style.as_str().to_owned(),
            endpoint.on_disconnect.as_str().to_owned(),
        ]
    });
    let text = table(&columns, rows, "No endpoint yet: tollgate endpoint create NAME URL");
    Answer::new(&endpoints, text)
}
