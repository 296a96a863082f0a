//! Usage as the three main formats state it, read from a parsed tree, after each provider's reference.
//!
//! Only documents that have no member beside those are answered for: what proxies and other providers add is told apart in
//! `crates/gateway/src/usage/dialects`, by tables of examples.

use serde_json::{Map, Value};
use tollgate_domain::StatedUsage;

use crate::wire::Surface;

/// The usage that a document states, if it states one.
pub(crate) struct Stated(pub(crate) Option<StatedUsage>);

/// What one document states; `None` where it is not one that can be answered for.
pub(crate) fn stated(surface: Surface, document: &Value) -> Option<Stated> {
    let root = document.as_object()?;
    match surface {
        Surface::ChatCompletions | Surface::Completions | Surface::Embeddings => openai(surface, root),
        Surface::AnthropicMessages => anthropic(root),
        Surface::GeminiGenerate | Surface::GeminiStreamGenerate => gemini(root),
        Surface::Responses | Surface::Rerank | Surface::PassThrough => None,
    }
}

/// A count, from whatever kind of value it was given as.
fn count(value: &Value) -> Option<i64> {
    let of_float = |value: f64| {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "past the range the nearest is meant, and a cast saturates"
        )]
        let count = value as i64;
        (value.is_finite() && value.fract() == 0.0).then_some(count)
    };
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(count), _) => Some(count),
            (None, Some(_)) => Some(i64::MAX),
            (None, None) => of_float(number.as_f64()?),
        },
        Value::String(text) => match text.trim().parse::<i64>() {
            Ok(count) => Some(count),
            Err(_) => of_float(text.trim().parse().ok()?),
        },
        _ => None,
    }
}

fn only(object: &Map<String, Value>, known: &[&str]) -> Option<()> {
    object.keys().all(|key| known.contains(&key.as_str())).then_some(())
}

/// A nested object of counts: those of `known`; `None` where it has others.
fn details<const N: usize>(
    of: &Map<String, Value>,
    name: &str,
    known: [&str; N],
) -> Option<[Option<i64>; N]> {
    let Some(Value::Object(details)) = of.get(name) else { return Some([None; N]) };
    only(details, &known)?;
    Some(known.map(|name| details.get(name).and_then(count)))
}

fn openai(surface: Surface, root: &Map<String, Value>) -> Option<Stated> {
    only(
        root,
        &["id", "object", "created", "choices", "model", "usage", "system_fingerprint", "service_tier"],
    )?;
    for choice in root.get("choices").and_then(Value::as_array).into_iter().flatten() {
        only(choice.as_object()?, &["index", "finish_reason", "message", "delta", "text", "logprobs"])?;
    }
    let Some(Value::Object(usage)) = root.get("usage") else { return Some(Stated(None)) };
    let names = [
        "prompt_tokens",
        "completion_tokens",
        "total_tokens",
        "prompt_tokens_details",
        "completion_tokens_details",
    ];
    only(usage, &names)?;
    let number = |name: &str| usage.get(name).and_then(count);
    let (prompt, completion, total) = (number(names[0]), number(names[1]), number(names[2]));
    let [cached, audio_input] = details(usage, names[3], ["cached_tokens", "audio_tokens"])?;
    let [reasoning, audio_output] = details(usage, names[4], ["reasoning_tokens", "audio_tokens"])?;
    // An embedding has no completion. Of prompt, completion and total, a missing one follows from the others.
    let no_completion = surface == Surface::Embeddings && (prompt.is_some() || total.is_some());
    let completion = if no_completion { completion.or(Some(0)) } else { completion };
    let (prompt, completion) = match (prompt, completion, total) {
        (None, None, None) => return Some(Stated(None)),
        (None, Some(completion), Some(total)) => (Some(total.saturating_sub(completion)), Some(completion)),
        (Some(prompt), None, Some(total)) => (Some(prompt), Some(total.saturating_sub(prompt))),
        (prompt, completion, _) => (prompt, completion),
    };
    Some(Stated(Some(StatedUsage {
        prompt_tokens: prompt,
        completion_tokens: completion,
        total_tokens: total,
        reasoning_tokens: reasoning.unwrap_or(0),
        cache_read_tokens: cached.unwrap_or(0),
        audio_input_tokens: audio_input.unwrap_or(0),
        audio_output_tokens: audio_output.unwrap_or(0),
        ..StatedUsage::default()
    })))
}

fn anthropic(root: &Map<String, Value>) -> Option<Stated> {
    only(root, &["id", "type", "role", "content", "model", "stop_reason", "stop_sequence", "usage"])?;
    let Some(Value::Object(usage)) = root.get("usage") else { return Some(Stated(None)) };
    let names = ["input_tokens", "output_tokens", "cache_read_input_tokens", "cache_creation_input_tokens"];
    only(usage, &[&names[..], &["cache_creation", "service_tier"]].concat())?;
    let [input, output, read, written] = names.map(|name| usage.get(name).and_then(count));
    let [five_minutes, hour] =
        details(usage, "cache_creation", ["ephemeral_5m_input_tokens", "ephemeral_1h_input_tokens"])?;
    if input.is_none() && output.is_none() {
        return Some(Stated(None));
    }
    let hour = hour.unwrap_or(0);
    let written = written.unwrap_or_else(|| five_minutes.unwrap_or(0).saturating_add(hour));
    let hour = hour.min(written.max(0));
    let five_minutes = written.saturating_sub(hour);
    let read = read.unwrap_or(0);
    // The input leaves out both caches; the prompt has them.
    let caches = read.saturating_add(five_minutes.saturating_add(hour));
    Some(Stated(Some(StatedUsage {
        prompt_tokens: input.map(|input| input.saturating_add(caches)),
        completion_tokens: output,
        cache_read_tokens: read,
        cache_write_5m_tokens: five_minutes,
        cache_write_1h_tokens: hour,
        ..StatedUsage::default()
    })))
}

fn gemini(root: &Map<String, Value>) -> Option<Stated> {
    only(root, &["candidates", "usageMetadata", "modelVersion", "responseId"])?;
    let Some(Value::Object(usage)) = root.get("usageMetadata") else { return Some(Stated(None)) };
    let names = [
        "promptTokenCount",
        "candidatesTokenCount",
        "thoughtsTokenCount",
        "toolUsePromptTokenCount",
        "cachedContentTokenCount",
        "totalTokenCount",
    ];
    only(usage, &names)?;
    let [prompt, candidates, thoughts, tools, cached, total] =
        names.map(|name| usage.get(name).and_then(count));
    // A count of zero is left out.
    let or_zero = |count: Option<i64>| count.unwrap_or(0);
    Some(Stated(Some(StatedUsage {
        prompt_tokens: Some(or_zero(prompt).saturating_add(or_zero(tools))),
        completion_tokens: Some(or_zero(candidates).saturating_add(or_zero(thoughts))),
        total_tokens: total,
        reasoning_tokens: or_zero(thoughts),
        cache_read_tokens: or_zero(cached),
        ..StatedUsage::default()
    })))
}
