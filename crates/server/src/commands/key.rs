//! `tollgate key`: API keys. A secret is shown once, by `create`, and kept nowhere.

use serde_json::json;
use tollgate_store::Tx;
use tollgate_store::api_keys::{self, NewApiKey};
use tollgate_store::management::keys::{self, PlatformRole};

use super::{ACTOR, Session};
use crate::{
    cli::KeyCommand,
    output::{Answer, Column, NONE, table},
};

pub(super) async fn answer(session: &Session, command: KeyCommand) -> anyhow::Result<Answer> {
    match command {
        KeyCommand::Create { user, purpose, role, trusted, name } => {
            create(session, NewApiKey { user, purpose, trusted, name, created_by: None }, role).await
        }
        KeyCommand::Revoke { key } => revoke(session, &key).await,
        KeyCommand::List { user } => list(session, user.as_deref()).await,
    }
}

async fn create(session: &Session, new: NewApiKey, role: Option<PlatformRole>) -> anyhow::Result<Answer> {
    let master = session.master_key().await?;
    let create = async |tx: Tx| keys::create(&tx, &master, &new, role, None, ACTOR).await;
    let created = session.store.tx("create_key", create).await?;
    let mut json = json!(created.key);
    if let Some(object) = json.as_object_mut() {
        object.insert("secret".to_owned(), json!(created.secret.expose()));
        object.insert("role".to_owned(), json!(role));
    }
    let text = format!(
        "{}\n\nThis is the key of {} for {} use. Keep it: it is shown this once and stored nowhere. Id {}.",
        created.secret.expose(),
        created.key.user_name,
        created.key.purpose.as_str(),
        created.key.id
    );
    Answer::new(&json, text)
}

async fn revoke(session: &Session, id_or_prefix: &str) -> anyhow::Result<Answer> {
    let revoke = async |tx: Tx| {
        let found = api_keys::find(&tx, id_or_prefix).await?;
        keys::revoke(&tx, found.id, ACTOR).await
    };
    let revoked = session.store.tx("revoke_key", revoke).await?;
    let key = &revoked.key;
    let text = if revoked.already {
        format!("Key {} of {} had been revoked before.", key.prefix, key.user_name)
    } else {
        format!("Revoked key {} of {}.", key.prefix, key.user_name)
    };
    Answer::new(&revoked, text)
}

async fn list(session: &Session, user: Option<&str>) -> anyhow::Result<Answer> {
    let keys = session.store.tx("list_keys", async |tx| api_keys::list(&tx, user).await).await?;
    let columns = [
        Column::Text("PREFIX"),
        Column::Text("USER"),
        Column::Text("PURPOSE"),
        Column::Text("NAME"),
        Column::Text("STATE"),
        Column::Text("ID"),
    ];
    let rows = keys.iter().map(|key| {
        let state = match (key.revoked_at, key.trusted) {
            (Some(_), _) => "revoked",
            (None, true) => "live, trusted",
            (None, false) => "live",
        };
        let name = if key.name.is_empty() { NONE } else { &key.name };
        vec![
            format!("{}…", key.prefix),
            key.user_name.clone(),
            key.purpose.as_str().to_owned(),
            name.to_owned(),
            state.to_owned(),
            key.id.to_string(),
        ]
    });
    let text = table(&columns, rows, "No key yet: tollgate key create --user NAME");
    Answer::new(&keys, text)
}
