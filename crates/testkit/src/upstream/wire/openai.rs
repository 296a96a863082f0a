//! OpenAI's chat completions and completions.

use serde_json::{Value, json};

use super::{Answer, Events, Making, errs_at, grown};
use crate::upstream::{books::Counts, script::UsageMode};

/// What this format can say: cache writes and images it cannot.
pub(super) fn stated(counts: &Counts) -> Counts {
    Counts { cache_write_5m: 0, cache_write_1h: 0, image_input: 0, ..*counts }
}

pub(super) fn usage(counts: &Counts) -> Value {
    json!({
        "prompt_tokens": counts.prompt,
        "completion_tokens": counts.completion,
        "total_tokens": counts.prompt + counts.completion,
        "prompt_tokens_details": {"cached_tokens": counts.cache_read, "audio_tokens": counts.audio_input},
        "completion_tokens_details": {
            "reasoning_tokens": counts.reasoning, "audio_tokens": counts.audio_output,
            "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
        },
    })
}

pub(super) fn chat(making: &Making<'_>) -> Answer {
    if making.exchange.stream {
        return stream(making, "chat.completion.chunk", |word| match word {
            Some(word) => json!({"delta": {"content": word}}),
            None => json!({"delta": {}}),
        });
    }
    whole(making, "chat.completion", &json!({"message": {"role": "assistant", "content": making.text()}}))
}

pub(super) fn completion(making: &Making<'_>) -> Answer {
    if making.exchange.stream {
        return stream(making, "text_completion", |word| json!({"text": word.unwrap_or_default()}));
    }
    whole(making, "text_completion", &json!({"text": making.text()}))
}

fn whole(making: &Making<'_>, object: &str, content: &Value) -> Answer {
    let mut document = envelope(making, object);
    let mut choice = content.clone();
    choice["index"] = json!(0);
    choice["logprobs"] = Value::Null;
    choice["finish_reason"] = json!(making.finish("stop"));
    document["choices"] = json!([choice]);
    let stated = making.state(&mut document, "usage", usage(&making.counts), stated(&making.counts));
    Answer::document(making.script.status, &document, stated)
}

fn stream(making: &Making<'_>, object: &str, content: impl Fn(Option<&str>) -> Value) -> Answer {
    let mode = making.script.usage;
    let mut events = Events::new(making);
    let words = making.words();
    let chunk = |choice: Value, finish: Option<&str>| {
        let mut document = envelope(making, object);
        let mut choice = choice;
        choice["index"] = json!(0);
        choice["finish_reason"] = json!(finish);
        document["choices"] = json!([choice]);
        if making.exchange.include_usage && mode == UsageMode::Normal {
            document["usage"] = Value::Null;
        }
        document
    };
    if object == "chat.completion.chunk" {
        events.push(None, &chunk(json!({"delta": {"role": "assistant", "content": ""}}), None));
    }
    for (index, word) in words.iter().enumerate() {
        if errs_at(making, index) {
            events.push(None, &making.error_document());
            return Answer::events(events);
        }
        let mut document = chunk(content(Some(word)), None);
        if mode == UsageMode::Every {
            let so_far = so_far(&making.counts, index + 1, words.len());
            document["usage"] = usage(&so_far);
            events.push_usage(None, &document, Some(stated(&so_far)));
        } else {
            events.push(None, &document);
        }
    }
    let mut last = chunk(content(None), Some(making.finish("stop")));
    if mode == UsageMode::Every {
        last["usage"] = usage(&making.counts);
        events.push_usage(None, &last, Some(stated(&making.counts)));
    } else {
        events.push(None, &last);
    }
    if making.exchange.include_usage
        && matches!(mode, UsageMode::Normal | UsageMode::Null | UsageMode::EvenInError)
    {
        let mut document = envelope(making, object);
        document["choices"] = json!([]);
        let counts = making.state(&mut document, "usage", usage(&making.counts), stated(&making.counts));
        events.push_usage(None, &document, counts);
    }
    if !making.script.no_end {
        events.push_text(None, "[DONE]");
    }
    Answer::events(events)
}

/// What a growing usage says after `done` of `all` frames: parts never exceed their whole.
fn so_far(counts: &Counts, done: usize, all: usize) -> Counts {
    let completion = grown(counts.completion, done, all);
    Counts {
        completion,
        reasoning: counts.reasoning.min(completion),
        audio_output: counts.audio_output.min(completion),
        ..*counts
    }
}

fn envelope(making: &Making<'_>, object: &str) -> Value {
    json!({"id": "chatcmpl-scripted", "object": object, "created": 1_700_000_000, "model": making.model()})
}
