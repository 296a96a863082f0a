//! The hot functions, each as one piece of work on realistic input. Measured by criterion, counted by callgrind, and watched by a test for
//! allocations.

use bytes::Bytes;
use tollgate_domain::{Credits, PriceList, TokenUsage, charge};
use tollgate_gateway::usage::tap::{BodyEnd, Finished, ResponseHead, ResponseTap};
use tollgate_gateway::wire::Surface;
use tollgate_gateway::wire::request::{RequestSplicer, Rewrite};

/// Frames of a stream, before the one with the usage.
pub(crate) const FRAMES: usize = 2_000;
/// What a socket gives at once, where an upstream is quicker than the reader.
pub(crate) const READ_BYTES: usize = 16 * 1024;
/// A long prompt.
pub(crate) const PROMPT_BYTES: usize = 400 * 1024;

const FRAME: &str = "data: {\"id\":\"chatcmpl-9f2c\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"gpt-4.1-mini-2025-04-14\",\"service_tier\":\"default\",\"system_fingerprint\":\"fp_6f2eabb9a5\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}],\"usage\":null}\n\n";
const USAGE: &str = "data: {\"id\":\"chatcmpl-9f2c\",\"object\":\"chat.completion.chunk\",\"created\":1760000000,\"model\":\"gpt-4.1-mini-2025-04-14\",\"choices\":[],\"usage\":{\"prompt_tokens\":120,\"completion_tokens\":2000,\"total_tokens\":2120,\"prompt_tokens_details\":{\"cached_tokens\":64,\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0}}}\n\ndata: [DONE]\n\n";

/// A stream with one usage frame at its end, each frame by itself.
pub(crate) fn frames() -> Vec<Bytes> {
    let mut frames = vec![Bytes::from_static(FRAME.as_bytes()); FRAMES];
    frames.push(Bytes::from_static(USAGE.as_bytes()));
    frames
}

/// The same stream as a quick socket gives it.
pub(crate) fn reads() -> Vec<Bytes> {
    let whole: Bytes = frames().concat().into();
    (0..whole.len()).step_by(READ_BYTES).map(|at| whole.slice(at..whole.len().min(at + READ_BYTES))).collect()
}

/// A tap for a streamed chat completion.
pub(crate) fn stream_tap() -> ResponseTap {
    let head =
        ResponseHead { status: 200, content_type: Some("text/event-stream"), ..ResponseHead::default() };
    ResponseTap::new(Surface::ChatCompletions, head)
}

/// Reads a whole stream.
pub(crate) fn read_stream(chunks: &[Bytes]) -> Finished {
    let mut tap = stream_tap();
    for chunk in chunks {
        std::hint::black_box(tap.push(chunk.clone()));
    }
    tap.finish(BodyEnd::Complete)
}

/// A chat completion as one JSON body.
pub(crate) fn json_body() -> Bytes {
    let content = "A long answer, such as a model gives that was asked to explain itself. ".repeat(300);
    let text = format!(
        r#"{{"id":"chatcmpl-9f2c","object":"chat.completion","created":1760000000,"model":"gpt-4.1-mini","choices":[{{"index":0,"message":{{"role":"assistant","content":"{content}","refusal":null}},"finish_reason":"stop"}}],"usage":{{"prompt_tokens":120,"completion_tokens":4000,"total_tokens":4120}}}}"#
    );
    text.into()
}

/// Reads a whole JSON body.
pub(crate) fn read_json(body: &Bytes) -> Finished {
    let head =
        ResponseHead { status: 200, content_type: Some("application/json"), ..ResponseHead::default() };
    let mut tap = ResponseTap::new(Surface::ChatCompletions, head);
    std::hint::black_box(tap.push(body.clone()));
    tap.finish(BodyEnd::Complete)
}

/// A request with a long prompt, as a socket gives it.
pub(crate) fn request() -> Vec<Bytes> {
    let words = "What is the answer to the question of life, the universe and everything? ";
    let content = words.repeat(PROMPT_BYTES / words.len());
    let whole: Bytes = format!(
        r#"{{"model":"an-alias","stream":true,"messages":[{{"role":"user","content":"{content}"}}],"temperature":0.2}}"#
    )
    .into();
    (0..whole.len()).step_by(READ_BYTES).map(|at| whole.slice(at..whole.len().min(at + READ_BYTES))).collect()
}

/// Puts the upstream's model and `stream_options` into a request; the length of what goes upstream.
pub(crate) fn splice(request: &[Bytes]) -> usize {
    let mut splicer = RequestSplicer::new(Surface::ChatCompletions);
    let mut length = 0;
    for chunk in request {
        if splicer.push(chunk.clone()).is_err() {
            return 0;
        }
        let rewrite = Rewrite { model: Some("upstream-model"), inject_usage: true };
        if splicer.model().is_some() && splicer.rewrite(rewrite).is_err() {
            return 0;
        }
        length += splicer.take().len();
    }
    if splicer.finish().is_err() {
        return 0;
    }
    length + splicer.take().len()
}

/// What a request with a cached prompt and some reasoning costs.
pub(crate) fn charge_one(usage: &tollgate_domain::StatedUsage, prices: &PriceList) -> Option<Credits> {
    let (usage, _) = TokenUsage::split(usage).ok()?;
    charge(&usage, prices).ok()
}

/// A price for each kind.
pub(crate) fn prices() -> Option<PriceList> {
    Some(PriceList {
        input_price: "0.000003".parse().ok()?,
        output_price: "0.000015".parse().ok()?,
        cache_read_price: Some("0.0000003".parse().ok()?),
        ..PriceList::default()
    })
}

/// Usage with a cached part and a reasoning part.
pub(crate) fn stated() -> tollgate_domain::StatedUsage {
    tollgate_domain::StatedUsage {
        prompt_tokens: Some(3_120),
        completion_tokens: Some(412),
        total_tokens: Some(3_532),
        cache_read_tokens: 2_048,
        reasoning_tokens: 128,
        ..tollgate_domain::StatedUsage::default()
    }
}
