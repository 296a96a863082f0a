//! What adapting makes of a request, said on its parsed tree.

use serde_json::{Value, json};

use crate::wire::Surface;
use crate::wire::request::{RequestFacts, Rewrite};

/// A boolean as the most lenient upstream takes one.
fn boolean(value: &Value) -> Option<bool> {
    match value {
        Value::Bool(value) => Some(*value),
        Value::Number(number) if number.as_f64() == Some(0.0) => Some(false),
        Value::Number(number) if number.as_f64() == Some(1.0) => Some(true),
        Value::String(text) => {
            let text = text.trim().to_ascii_lowercase();
            let is = |words: &[&str]| words.contains(&text.as_str());
            if is(&["true", "t", "yes", "y", "on", "1"]) {
                Some(true)
            } else {
                is(&["false", "f", "no", "n", "off", "0"]).then_some(false)
            }
        }
        _ => None,
    }
}

/// What the top level says.
pub(crate) fn facts(surface: Surface, request: &Value) -> RequestFacts {
    let model = request["model"].as_str().filter(|_| !surface.names_model_in_path());
    let limits = ["max_tokens", "max_completion_tokens", "max_output_tokens"];
    RequestFacts {
        model: model.map(str::to_owned),
        stream: boolean(&request["stream"]),
        include_usage: boolean(&request["stream_options"]["include_usage"]),
        background: boolean(&request["background"]),
        max_tokens: limits.iter().filter_map(|name| request[name].as_u64()).max(),
        choices: None,
        prompts: None,
        is_unclear: false,
        injected_usage: false,
    }
}

/// The adapted request, and whether it asks for usage because of us.
pub(crate) fn adapted(surface: Surface, request: &Value, rewrite: Rewrite<'_>) -> (Value, bool) {
    let mut adapted = request.clone();
    let facts = facts(surface, request);
    if let (Some(_), Some(name)) = (&facts.model, rewrite.model) {
        adapted["model"] = json!(name);
    }
    let mut injected = false;
    if rewrite.inject_usage && surface.has_include_usage() && facts.stream == Some(true) {
        let options = &mut adapted["stream_options"];
        let asks = &options["include_usage"];
        // What no upstream would take is left for the upstream to refuse.
        let is_absent = options.is_null() || (options.is_object() && asks.is_null());
        if is_absent || (options.is_object() && boolean(asks) == Some(false)) {
            options["include_usage"] = json!(true);
            injected = true;
        }
    }
    (adapted, injected)
}
