//! What a whole answer may say of its usage: nothing, nonsense, and numbers that cannot be.

use serde_json::json;

use super::{
    CHARGED, Case, Class, Upstream, case,
    request::{STREAM, chat, hi},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn usage_that_is_missing_is_estimated_and_usage_that_cannot_be_is_quarantined() {
    super::house::House::run(whole()).await;
}

/// An answer of a chat with this usage.
pub(crate) fn completion(usage: &str) -> String {
    answer(&format!(r#","usage":{usage}"#))
}

/// An answer of a chat with these members at its end.
fn answer(members: &str) -> String {
    format!(
        r#"{{"id":"c","object":"chat.completion","model":"m","choices":[{{"index":0,"message":{{"role":"assistant","content":"Hello there"}},"finish_reason":"stop"}}]{members}}}"#
    )
}

/// JSON with status 200.
pub(crate) fn document(body: impl Into<Vec<u8>>) -> Upstream {
    Upstream::Document {
        status: 200,
        content_type: "application/json",
        body: body.into(),
        script: String::new(),
    }
}

/// The answer has this usage; the client gets it unchanged, and the books say this of it.
pub(crate) fn states(name: &str, usage: &str, row: &str) -> Case {
    case(name, hi().sent()).upstream(document(completion(usage))).answers("200").books(&[row])
}

const ESTIMATED: &str = "200 completed charged estimated *";

pub(crate) fn whole() -> Class {
    let ends = |name: &str, members: &str, row: &str| {
        case(name, hi().sent()).upstream(document(answer(members))).answers("200").books(&[row])
    };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let mut cases = vec![
        ends("no usage", "", ESTIMATED),
        states("usage: null", "null", ESTIMATED),
        states("usage: {}", "{}", ESTIMATED),
        states("usage that is a text", r#""much""#, ESTIMATED),
        states("usage that is a number", "110", ESTIMATED),
        states("usage that is a list", r#"[{"prompt_tokens":100}]"#, ESTIMATED),
        states(
            "usage of zero",
            r#"{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}"#,
            "200 completed free provider 0+0",
        ),
        states("a prompt alone", r#"{"prompt_tokens":100}"#, "200 completed charged provider 100+-"),
        states("a completion alone", r#"{"completion_tokens":10}"#, "200 completed charged provider -+10"),
        states("a total alone", r#"{"total_tokens":110}"#, "200 completed unrated provider -+- total=110"),
        states(
            "a total that is not the sum",
            r#"{"prompt_tokens":100,"completion_tokens":10,"total_tokens":7}"#,
            "200 completed charged provider 100+10 total=7",
        ),
        states(
            "a total smaller than its prompt",
            r#"{"prompt_tokens":100,"total_tokens":7}"#,
            "quarantined: completion_tokens of -93 is out of range*",
        ),
        states("counts as floats", r#"{"prompt_tokens":1e2,"completion_tokens":10.0}"#, CHARGED),
        states("counts as texts", r#"{"prompt_tokens":"100","completion_tokens":" 10 "}"#, CHARGED),
        states(
            "counts as texts of floats",
            r#"{"prompt_tokens":"100.0","completion_tokens":"1e1"}"#,
            CHARGED,
        ),
        states(
            "a prompt with a fraction",
            r#"{"prompt_tokens":100.5,"completion_tokens":10}"#,
            "200 completed charged provider -+10",
        ),
        states(
            "counts that are no numbers",
            r#"{"prompt_tokens":"many","completion_tokens":true}"#,
            ESTIMATED,
        ),
        states("counts that are lists", r#"{"prompt_tokens":[100],"completion_tokens":{"a":10}}"#, ESTIMATED),
        states("a count of NaN", r#"{"prompt_tokens":"NaN","completion_tokens":"inf"}"#, ESTIMATED),
        states(
            "a hexadecimal count",
            r#"{"prompt_tokens":"0x64","completion_tokens":10}"#,
            "200 completed charged provider -+10",
        ),
        states(
            "a negative prompt",
            r#"{"prompt_tokens":-1,"completion_tokens":10}"#,
            "quarantined: prompt_tokens of -1 is out of range*",
        ),
        states(
            "a negative completion",
            r#"{"prompt_tokens":100,"completion_tokens":-10}"#,
            "quarantined: completion_tokens of -10 is out of range*",
        ),
        states(
            "a negative total",
            r#"{"prompt_tokens":100,"completion_tokens":10,"total_tokens":-110}"#,
            "quarantined: total_tokens of -110 is out of range*",
        ),
        states(
            "a prompt of 1e30",
            r#"{"prompt_tokens":1e30,"completion_tokens":10}"#,
            "quarantined: prompt_tokens of 9223372036854775807 is out of range*",
        ),
        states(
            "a prompt past any float",
            r#"{"prompt_tokens":1e999,"completion_tokens":10}"#,
            "200 completed unrated none",
        ),
        states(
            "a prompt past 64 bits",
            r#"{"prompt_tokens":18446744073709551616,"completion_tokens":10}"#,
            "quarantined: prompt_tokens of 9223372036854775807 is out of range*",
        ),
        states(
            "a prompt of -2^63",
            r#"{"prompt_tokens":-9223372036854775808,"completion_tokens":10}"#,
            "quarantined: prompt_tokens of -9223372036854775808 is out of range*",
        ),
        states(
            "parts that overflow their sum",
            r#"{"input_tokens":9223372036854775807,"cache_read_input_tokens":9223372036854775807,"output_tokens":10}"#,
            "quarantined: prompt_tokens of 9223372036854775807 is out of range*",
        ),
        states(
            "more cached than asked",
            r#"{"prompt_tokens":100,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":500}}"#,
            "200 completed charged provider 100+10 cached=500",
        ),
        states(
            "more reasoning than answer",
            r#"{"prompt_tokens":100,"completion_tokens":10,"completion_tokens_details":{"reasoning_tokens":500}}"#,
            "200 completed charged provider 100+10 reasoning=500",
        ),
        states(
            "a negative cache",
            r#"{"prompt_tokens":100,"completion_tokens":10,"prompt_tokens_details":{"cached_tokens":-5}}"#,
            "quarantined: cache_read_tokens of -5 is out of range*",
        ),
        states(
            "details that are no object",
            r#"{"prompt_tokens":100,"completion_tokens":10,"prompt_tokens_details":[5]}"#,
            CHARGED,
        ),
        states(
            "a count given twice",
            r#"{"prompt_tokens":7,"prompt_tokens":100,"completion_tokens":10}"#,
            CHARGED,
        ),
        ends(
            "usage given twice",
            r#","usage":{"prompt_tokens":7,"completion_tokens":7},"usage":{"prompt_tokens":100,"completion_tokens":10}"#,
            CHARGED,
        ),
        ends(
            "a name of usage in escapes",
            r#","\u0075sage":{"prompt_tokens":100,"completion_tokens":10}"#,
            ESTIMATED,
        ),
        ends(
            "a model's name with a lone surrogate",
            r#","model":"\ud800","usage":{"prompt_tokens":100,"completion_tokens":10}"#,
            CHARGED,
        ),
        ends("usage inside a choice's text", r#","x":"\"usage\":{\"prompt_tokens\":7}""#, ESTIMATED),
        ends(
            "usage behind 100,000 brackets",
            &format!(r#","x":{deep},"usage":{{"prompt_tokens":100,"completion_tokens":10}}"#),
            "200 completed unrated none",
        ),
        ends(
            "usage behind a megabyte",
            &format!(
                r#","x":"{}","usage":{{"prompt_tokens":100,"completion_tokens":10}}"#,
                "y".repeat(1 << 20)
            ),
            CHARGED,
        ),
        ends(
            "usage in a megabyte of blanks",
            &format!(r#","usage":{}{{"prompt_tokens":100,"completion_tokens":10}}"#, " ".repeat(1 << 20)),
            CHARGED,
        ),
        ends(
            "usage with a lone surrogate beside it",
            r#","x":"\ud800","usage":{"prompt_tokens":100,"completion_tokens":10}"#,
            CHARGED,
        ),
        ends(
            "an error beside the usage",
            r#","error":{"message":"no"},"usage":{"prompt_tokens":100,"completion_tokens":10}"#,
            "200 failed charged provider 100+10",
        ),
        ends("an error and no usage", r#","error":{"message":"no"}"#, "200 failed free none"),
    ];
    // The same of the other formats, as far as they say it in other words.
    let anthropic = |name: &str, usage: serde_json::Value, row: &str| {
        let body = json!({"type": "message", "model": "m", "content": [{"type": "text", "text": "Hello"}], "usage": usage});
        case(name, hi().to("/v1/messages").sent())
            .upstream(document(body.to_string()))
            .answers("200")
            .books(&[row])
    };
    let gemini = |name: &str, usage: serde_json::Value, row: &str| {
        let body =
            json!({"candidates": [{"content": {"parts": [{"text": "Hello"}]}}], "usageMetadata": usage});
        case(name, chat(STREAM).to("/v1beta/models/hostile:generateContent").sent())
            .upstream(document(body.to_string()))
            .answers("200")
            .books(&[row])
    };
    cases.extend([
        anthropic(
            "Anthropic: caches that overflow the prompt",
            json!({"input_tokens": i64::MAX, "cache_read_input_tokens": 1, "output_tokens": 1}),
            "quarantined: prompt_tokens of 9223372036854775807 is out of range*",
        ),
        anthropic(
            "Anthropic: a negative cache",
            json!({"input_tokens": 100, "cache_read_input_tokens": -5, "output_tokens": 10}),
            "quarantined: cache_read_tokens of -5 is out of range*",
        ),
        anthropic("Anthropic: null counts", json!({"input_tokens": null, "output_tokens": null}), ESTIMATED),
        gemini(
            "Gemini: counts as texts",
            json!({"promptTokenCount": "100", "candidatesTokenCount": "10", "totalTokenCount": "110"}),
            CHARGED,
        ),
        gemini(
            "Gemini: negative thoughts",
            json!({"promptTokenCount": 100, "candidatesTokenCount": 10, "thoughtsTokenCount": -50}),
            "quarantined: completion_tokens of -40 is out of range*",
        ),
        gemini("Gemini: an empty usage", json!({}), "200 completed free provider 0+0"),
    ]);
    Class { name: "upstream: usage", tuning: |_| {}, cases }
}
