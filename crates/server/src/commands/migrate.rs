//! `tollgate migrate`: brings the schema up to date, which opening the session has done, and says where it is.

use serde_json::json;
use tollgate_store::migrate;

use super::Session;
use crate::output::Answer;

pub(super) async fn answer(session: &Session) -> anyhow::Result<Answer> {
    let version = session.store.tx("schema_version", async |tx| migrate::version(&tx).await).await?;
    let text = format!("The schema is up to date, at migration {version}.");
    Answer::new(&json!({ "schema_version": version }), text)
}
