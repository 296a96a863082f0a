//! The surfaces without streams: embeddings, rerank, transcriptions, models, and whatever else is asked.

use serde_json::json;

use super::{Answer, Making};
use crate::upstream::books::Counts;

/// How many numbers the embedding has. Nobody looks at them.
const EMBEDDING_DIMENSIONS: usize = 8;

/// Only the prompt is stated.
fn prompt_only(counts: &Counts) -> Counts {
    Counts { prompt: counts.prompt, ..Counts::default() }
}

pub(super) fn embeddings(making: &Making<'_>) -> Answer {
    let vector = vec![0.125; EMBEDDING_DIMENSIONS];
    let mut document = json!({
        "object": "list", "model": making.model(),
        "data": [{"object": "embedding", "index": 0, "embedding": vector}],
    });
    let prompt = making.counts.prompt;
    let usage = json!({"prompt_tokens": prompt, "total_tokens": prompt});
    let stated = making.state(&mut document, "usage", usage, prompt_only(&making.counts));
    Answer::document(making.script.status, &document, stated)
}

/// As Jina and Voyage answer: a lone total, which is the prompt.
pub(super) fn rerank(making: &Making<'_>) -> Answer {
    let mut document = json!({
        "object": "list", "model": making.model(),
        "results": [{"index": 0, "relevance_score": 0.875, "document": {"text": making.text()}}],
    });
    let usage = json!({"total_tokens": making.counts.prompt});
    let stated = making.state(&mut document, "usage", usage, prompt_only(&making.counts));
    Answer::document(making.script.status, &document, stated)
}

pub(super) fn transcription(making: &Making<'_>) -> Answer {
    let counts = Counts {
        prompt: making.counts.prompt,
        completion: making.counts.completion,
        audio_input: making.counts.audio_input,
        ..Counts::default()
    };
    let mut document = json!({"text": making.text()});
    let usage = json!({
        "type": "tokens", "input_tokens": counts.prompt, "output_tokens": counts.completion,
        "input_token_details": {"text_tokens": counts.prompt - counts.audio_input, "audio_tokens": counts.audio_input},
        "total_tokens": counts.prompt + counts.completion,
    });
    let stated = making.state(&mut document, "usage", usage, counts);
    Answer::document(making.script.status, &document, stated)
}

pub(super) fn models(making: &Making<'_>) -> Answer {
    let model = json!({"id": "scripted", "object": "model", "created": 1_700_000_000, "owned_by": "testkit"});
    Answer::document(making.script.status, &json!({"object": "list", "data": [model]}), None)
}

pub(super) fn other(making: &Making<'_>) -> Answer {
    Answer::document(making.script.status, &json!({"object": "scripted", "ok": true}), None)
}
