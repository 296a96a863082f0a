//! `tollgate endpoint`: upstreams.

use std::env::VarError;

use anyhow::bail;
use secrecy::SecretString;
use tollgate_domain::MasterKey;
use tollgate_store::endpoints::{self, Endpoint, EndpointChanges, NewEndpoint, OnDisconnect, OnMissingUsage};
use tollgate_store::snapshot::ConfigEndpoint;
use tollgate_store::{StoreError, Tx};

use super::{ACTOR, Session};
use crate::{
    app::refresher,
    cli::{EndpointCommand, EndpointCreateArgs, EndpointSetArgs, OnDisconnectArg, OnMissingUsageArg},
    output::{Answer, Column, or_none, table},
};

pub(super) async fn answer(session: &Session, command: EndpointCommand) -> anyhow::Result<Answer> {
    match command {
        EndpointCommand::Create(args) => create(session, args).await,
        EndpointCommand::Set(args) => set(session, *args).await,
        EndpointCommand::Delete { name } => delete(session, &name).await,
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
        on_disconnect: args.on_disconnect.into(),
        on_missing_usage: args.on_missing_usage.into(),
        path_templates: args.path_template.into_iter().collect(),
        pass_through_paths: args.pass_through,
        // Who is at the server's own command line may name any address.
        public_only: false,
    };
    let master = session.master_key().await?;
    let create = async |tx: Tx| {
        let endpoint = endpoints::create(&tx, &master, &new, ACTOR).await?;
        check_usable(&master, &endpoint)?;
        Ok(endpoint)
    };
    let endpoint: Endpoint = session.store.tx("create_endpoint", create).await?;
    let text = format!(
        "Created endpoint {} at {}. Offer a model of it: tollgate model create ALIAS --endpoint {0}",
        endpoint.name, endpoint.base_url
    );
    Answer::new(&endpoint, text)
}

async fn set(session: &Session, args: EndpointSetArgs) -> anyhow::Result<Answer> {
    let changes = EndpointChanges {
        public_only: args.url.is_some().then_some(false),
        base_url: args.url,
        provider_name: args.provider,
        auth_style: args.auth_style.map(|style| style.as_str().parse()).transpose()?,
        secret: args.api_key_env.as_deref().map(credential).transpose()?,
        inject_usage: (args.inject_usage || args.no_inject_usage).then_some(args.inject_usage),
        on_disconnect: args.on_disconnect.map(Into::into),
        on_missing_usage: args.on_missing_usage.map(Into::into),
        path_templates: (args.no_path_template || !args.path_template.is_empty())
            .then(|| args.path_template.into_iter().collect()),
        pass_through_paths: (args.no_pass_through || !args.pass_through.is_empty())
            .then_some(args.pass_through),
    };
    if changes.is_empty() {
        bail!(
            "nothing to change; give at least one of --url, --api-key-env and what `tollgate endpoint set --help` lists"
        );
    }
    let master = session.master_key().await?;
    let set = async |tx: Tx| {
        let endpoint = endpoints::set(&tx, &master, &args.name, changes.clone(), ACTOR).await?;
        check_usable(&master, &endpoint)?;
        Ok(endpoint)
    };
    let endpoint = session.store.tx("set_endpoint", set).await?;
    let text =
        format!("Endpoint {} is at {}; gateways know within a second.", endpoint.name, endpoint.base_url);
    Answer::new(&endpoint, text)
}

async fn delete(session: &Session, name: &str) -> anyhow::Result<Answer> {
    let delete = async |tx: Tx| endpoints::delete(&tx, name, ACTOR).await;
    let endpoint = session.store.tx("delete_endpoint", delete).await?;
    Answer::new(&endpoint, format!("Deleted endpoint {}. Its name is free again.", endpoint.name))
}

/// What a gateway would leave out, with a line in its log, is refused to whoever can mend it.
fn check_usable(master: &MasterKey, endpoint: &Endpoint) -> Result<(), StoreError> {
    let opened = ConfigEndpoint::open(master, endpoint.clone())?;
    refresher::endpoint(opened).check().map_err(|problem| {
        StoreError::refused(format!("endpoint {:?} could not be used: {problem}", endpoint.name))
    })
}

impl From<OnDisconnectArg> for OnDisconnect {
    fn from(arg: OnDisconnectArg) -> Self {
        match arg {
            OnDisconnectArg::Drain => Self::Drain,
            OnDisconnectArg::Cancel => Self::Cancel,
        }
    }
}

impl From<OnMissingUsageArg> for OnMissingUsage {
    fn from(arg: OnMissingUsageArg) -> Self {
        match arg {
            OnMissingUsageArg::Estimate => Self::Estimate,
            OnMissingUsageArg::Unrated => Self::Unrated,
        }
    }
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
