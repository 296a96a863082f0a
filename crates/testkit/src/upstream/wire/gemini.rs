//! Gemini. Thoughts are beside the candidates, not inside; a stream states usage in every chunk, cumulative; zeros are
//! left out, as proto3 does.

use serde_json::{Value, json};

use super::{Answer, Events, Frame, Making, errs_at, grown};
use crate::upstream::books::Counts;

/// What this format can say: everything but cache writes.
pub(super) fn stated(counts: &Counts) -> Counts {
    Counts { cache_write_5m: 0, cache_write_1h: 0, ..*counts }
}

pub(super) fn usage(counts: &Counts) -> Value {
    let mut usage = json!({"totalTokenCount": counts.prompt + counts.completion});
    let mut set = |field: &str, count: i64| {
        if count != 0 {
            usage[field] = json!(count);
        }
    };
    set("promptTokenCount", counts.prompt);
    set("cachedContentTokenCount", counts.cache_read);
    set("candidatesTokenCount", counts.completion - counts.reasoning);
    set("thoughtsTokenCount", counts.reasoning);
    let details = |whole: i64, others: [(&str, i64); 2]| {
        let text = whole - others.iter().map(|(_, count)| count).sum::<i64>();
        let parts = others.into_iter().chain([("TEXT", text)]).filter(|(_, count)| *count != 0);
        parts.map(|(modality, count)| json!({"modality": modality, "tokenCount": count})).collect::<Vec<_>>()
    };
    usage["promptTokensDetails"] =
        json!(details(counts.prompt, [("AUDIO", counts.audio_input), ("IMAGE", counts.image_input)]));
    usage["candidatesTokensDetails"] =
        json!(details(counts.completion - counts.reasoning, [("AUDIO", counts.audio_output), ("IMAGE", 0)]));
    usage
}

pub(super) fn generate(making: &Making<'_>) -> Answer {
    if !making.exchange.stream {
        let (document, stated) = chunk(making, &making.text(), Some(making.finish("STOP")), &making.counts);
        return Answer::document(making.script.status, &document, stated);
    }
    let words = making.words();
    let mut chunks = Vec::new();
    for (index, word) in words.iter().enumerate() {
        if errs_at(making, index) {
            chunks.push((making.error_document(), None));
            return deliver(making, chunks);
        }
        let is_last = index + 1 == words.len();
        let completion = grown(making.counts.completion, index + 1, words.len());
        let so_far = Counts {
            completion,
            reasoning: making.counts.reasoning.min(completion),
            audio_output: making
                .counts
                .audio_output
                .min(completion - making.counts.reasoning.min(completion)),
            ..making.counts
        };
        let counts = if is_last { &making.counts } else { &so_far };
        let finish = (is_last && !making.script.no_end).then(|| making.finish("STOP"));
        chunks.push(chunk(making, word, finish, counts));
    }
    deliver(making, chunks)
}

/// As server-sent events, or as the elements of one array.
fn deliver(making: &Making<'_>, chunks: Vec<(Value, Option<Counts>)>) -> Answer {
    if making.exchange.as_events {
        let mut events = Events::new(making);
        for (document, stated) in chunks {
            events.push_usage(None, &document, stated);
        }
        return Answer::events(events);
    }
    let stated = chunks.iter().rev().find_map(|(_, stated)| *stated);
    let count = chunks.len();
    let frames = chunks.into_iter().enumerate().map(|(index, (document, stated))| {
        let before = if index == 0 { "[" } else { ",\r\n" };
        let after = if index + 1 == count { "]" } else { "" };
        let text = format!("{before}{}{after}", serde_json::to_string_pretty(&document).unwrap());
        Frame { bytes: text.into_bytes(), has_usage: stated.is_some() }
    });
    Answer {
        status: 200,
        content_type: "application/json; charset=UTF-8".to_owned(),
        frames: frames.collect(),
        stated,
    }
}

fn chunk(making: &Making<'_>, text: &str, finish: Option<&str>, counts: &Counts) -> (Value, Option<Counts>) {
    let mut candidate = json!({"content": {"parts": [{"text": text}], "role": "model"}, "index": 0});
    if let Some(finish) = finish {
        candidate["finishReason"] = json!(finish);
    }
    let mut document =
        json!({"candidates": [candidate], "modelVersion": making.model(), "responseId": "gemini-scripted"});
    let stated = making.state(&mut document, "usageMetadata", usage(counts), stated(counts));
    (document, stated)
}
