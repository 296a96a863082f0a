//! Anthropic's messages. Its `input_tokens` exclude the caches, and a stream states the input at its start and the
//! output, cumulative, at its end.

use serde_json::{Value, json};

use super::{Answer, Events, Making, errs_at};
use crate::upstream::{books::Counts, script::UsageMode};

/// What this format can say: caches, and neither reasoning nor audio nor images.
pub(super) fn stated(counts: &Counts) -> Counts {
    Counts { reasoning: 0, audio_input: 0, audio_output: 0, image_input: 0, ..*counts }
}

pub(super) fn usage(counts: &Counts) -> Value {
    let cache_write = counts.cache_write_5m + counts.cache_write_1h;
    json!({
        "input_tokens": counts.prompt - counts.cache_read - cache_write,
        "cache_read_input_tokens": counts.cache_read,
        "cache_creation_input_tokens": cache_write,
        "cache_creation": {
            "ephemeral_5m_input_tokens": counts.cache_write_5m, "ephemeral_1h_input_tokens": counts.cache_write_1h,
        },
        "output_tokens": counts.completion,
        "service_tier": "standard",
    })
}

pub(super) fn message(making: &Making<'_>) -> Answer {
    if making.exchange.stream {
        return stream(making);
    }
    let content = json!([{"type": "text", "text": making.text()}]);
    let mut document = envelope(making, &content, Some(making.finish("end_turn")));
    let stated = making.state(&mut document, "usage", usage(&making.counts), stated(&making.counts));
    Answer::document(making.script.status, &document, stated)
}

fn stream(making: &Making<'_>) -> Answer {
    let mut events = Events::new(making);
    let mut event = |kind: &str, mut data: Value, stated: Option<Counts>| {
        data["type"] = json!(kind);
        events.push_usage(Some(kind), &data, stated);
    };
    let mut begun = envelope(making, &json!([]), None);
    let at_start = Counts { completion: making.counts.completion.min(1), ..making.counts };
    // The books take the usage as stated when the output is known, at the end.
    making.state(&mut begun, "usage", usage(&at_start), at_start);
    event("message_start", json!({"message": begun}), None);
    let block = json!({"type": "text", "text": ""});
    event("content_block_start", json!({"index": 0, "content_block": block}), None);
    event("ping", json!({}), None);
    for (index, word) in making.words().iter().enumerate() {
        if errs_at(making, index) {
            event("error", making.error_document(), None);
            return Answer::events(events);
        }
        let delta = json!({"type": "text_delta", "text": word});
        event("content_block_delta", json!({"index": 0, "delta": delta}), None);
    }
    event("content_block_stop", json!({"index": 0}), None);
    let mut last = json!({"delta": {"stop_reason": making.finish("end_turn"), "stop_sequence": null}});
    let usage = match making.script.usage {
        UsageMode::Every => usage(&making.counts),
        _ => json!({"output_tokens": making.counts.completion}),
    };
    let stated = making.state(&mut last, "usage", usage, stated(&making.counts));
    event("message_delta", last, stated);
    if !making.script.no_end {
        event("message_stop", json!({}), None);
    }
    Answer::events(events)
}

fn envelope(making: &Making<'_>, content: &Value, stop_reason: Option<&str>) -> Value {
    json!({
        "id": "msg_scripted", "type": "message", "role": "assistant", "model": making.model(), "content": content,
        "stop_reason": stop_reason, "stop_sequence": null,
    })
}
