//! OpenAI's Responses.

use serde_json::{Value, json};

use super::{Answer, Events, Making, errs_at};
use crate::upstream::books::Counts;

/// What this format can say: cache reads and reasoning.
pub(super) fn stated(counts: &Counts) -> Counts {
    Counts {
        cache_write_5m: 0,
        cache_write_1h: 0,
        audio_input: 0,
        audio_output: 0,
        image_input: 0,
        ..*counts
    }
}

pub(super) fn usage(counts: &Counts) -> Value {
    json!({
        "input_tokens": counts.prompt,
        "input_tokens_details": {"cached_tokens": counts.cache_read},
        "output_tokens": counts.completion,
        "output_tokens_details": {"reasoning_tokens": counts.reasoning},
        "total_tokens": counts.prompt + counts.completion,
    })
}

pub(super) fn response(making: &Making<'_>) -> Answer {
    let text = making.text();
    let (mut finished, stated) = finished(making, &text);
    if !making.exchange.stream {
        return Answer::document(making.script.status, &finished, stated);
    }
    let mut events = Events::new(making);
    let mut number = 0;
    let mut event = |events: &mut Events, kind: &str, mut data: Value, stated: Option<Counts>| {
        data["type"] = json!(kind);
        data["sequence_number"] = json!(number);
        number += 1;
        events.push_usage(Some(kind), &data, stated);
    };
    let begun = envelope(making, "in_progress", &json!([]));
    event(&mut events, "response.created", json!({"response": begun}), None);
    event(&mut events, "response.in_progress", json!({"response": begun}), None);
    let item = json!({"id": "msg_1", "type": "message", "status": "in_progress", "role": "assistant", "content": []});
    event(&mut events, "response.output_item.added", json!({"output_index": 0, "item": item}), None);
    let part = json!({"type": "output_text", "text": "", "annotations": []});
    let place = json!({"item_id": "msg_1", "output_index": 0, "content_index": 0});
    event(&mut events, "response.content_part.added", with(&place, "part", part), None);
    for (index, word) in making.words().iter().enumerate() {
        if errs_at(making, index) {
            let error = json!({"code": "server_error", "message": "the script says so", "param": null});
            event(&mut events, "error", error, None);
            return Answer::events(events);
        }
        event(&mut events, "response.output_text.delta", with(&place, "delta", json!(word)), None);
    }
    event(&mut events, "response.output_text.done", with(&place, "text", json!(text)), None);
    let done = json!({"type": "output_text", "text": text, "annotations": []});
    event(&mut events, "response.content_part.done", with(&place, "part", done), None);
    let item = finished["output"][0].clone();
    event(&mut events, "response.output_item.done", json!({"output_index": 0, "item": item}), None);
    if !making.script.no_end {
        event(&mut events, "response.completed", json!({"response": finished.take()}), stated);
    }
    Answer::events(events)
}

fn finished(making: &Making<'_>, text: &str) -> (Value, Option<Counts>) {
    let content = json!([{"type": "output_text", "text": text, "annotations": []}]);
    let message = json!({"id": "msg_1", "type": "message", "status": "completed", "role": "assistant", "content": content});
    let mut document = envelope(making, making.finish("completed"), &json!([message]));
    let stated = making.state(&mut document, "usage", usage(&making.counts), stated(&making.counts));
    (document, stated)
}

fn envelope(making: &Making<'_>, status: &str, output: &Value) -> Value {
    json!({
        "id": "resp_scripted", "object": "response", "created_at": 1_700_000_000, "status": status, "error": null,
        "incomplete_details": null, "instructions": null, "metadata": {}, "model": making.model(), "output": output,
        "parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": [], "top_p": 1.0, "usage": null,
    })
}

fn with(place: &Value, field: &str, value: Value) -> Value {
    let mut data = place.clone();
    data[field] = value;
    data
}
