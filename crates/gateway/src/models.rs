//! Lists of models, answered from the view: what is deployed here, under the names that clients use.

use bytes::Bytes;
use http::{HeaderValue, Response, header};
use serde_json::{Value, json};

use crate::admit::Refusal;
use crate::route::{ListShape, Route};
use crate::view::{LiveModel, Snapshot};

/// The answer to `GET` of a list or of one model.
pub(crate) fn answer(snapshot: &Snapshot, route: &Route) -> Result<Response<Bytes>, Refusal> {
    let value = match route {
        Route::Models(shape) => list(*shape, snapshot),
        Route::Model(shape, alias) => {
            let model = snapshot.model(alias).ok_or_else(|| Refusal::UnknownModel(alias.clone()))?;
            one(*shape, model)
        }
        Route::Metered { .. } | Route::Other => return Err(Refusal::UnknownRoute),
    };
    let mut response = Response::new(Bytes::from(value.to_string()));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
    Ok(response)
}

fn list(shape: ListShape, snapshot: &Snapshot) -> Value {
    let models = snapshot.models();
    let entries: Vec<Value> = models.iter().map(|model| one(shape, model)).collect();
    let alias = |model: Option<&std::sync::Arc<LiveModel>>| model.map(|model| model.entry.alias.clone());
    match shape {
        ListShape::OpenAi => json!({"object": "list", "data": entries}),
        ListShape::Anthropic => json!({
            "data": entries,
            "has_more": false,
            "first_id": alias(models.first()),
            "last_id": alias(models.last()),
        }),
        ListShape::Gemini => json!({"models": entries}),
    }
}

fn one(shape: ListShape, model: &LiveModel) -> Value {
    let alias = &model.entry.alias;
    let created = model.entry.created_at;
    match shape {
        ListShape::OpenAi => json!({
            "id": alias,
            "object": "model",
            "created": created.as_second(),
            "owned_by": model.endpoint.entry.provider_name.as_deref().unwrap_or("tollgate"),
        }),
        ListShape::Anthropic => json!({
            "type": "model", "id": alias, "display_name": alias, "created_at": created.to_string(),
        }),
        ListShape::Gemini => json!({
            "name": format!("models/{alias}"),
            "displayName": alias,
            "supportedGenerationMethods": ["generateContent", "streamGenerateContent"],
        }),
    }
}
