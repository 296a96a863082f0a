//! Numbers and texts at the edges of the columns of the books, through a whole request. What no request can bring about (durations,
//! texts of an embedder) is in `tollgate-metering`'s own tests.

use super::{
    Case, Class, Upstream, case,
    request::hi,
    usage::{document, states},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_count_is_entered_up_to_its_columns_end_and_quarantined_past_it() {
    super::house::House::run(columns()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn amounts_and_texts_are_entered_up_to_their_columns_end_and_named_past_it() {
    super::house::House::run(amounts_and_texts()).await;
}

const LAST: i64 = 2_147_483_647;

/// A usage in which everything is zero but what `counts` says.
fn usage(counts: &str) -> String {
    format!(r#"{{"prompt_tokens":{LAST},"completion_tokens":{LAST},"total_tokens":0,{counts}}}"#)
}

pub(crate) fn columns() -> Class {
    // Each as a provider states it, as it is called in the books, and as a row shows it.
    let parts: [(&str, &str, &str); 7] = [
        (r#""prompt_tokens_details":{"cached_tokens":N}"#, "cache_read_tokens", "cached"),
        (r#""cache_creation_input_tokens":N"#, "cache_write_5m_tokens", "written_5m"),
        (
            r#""cache_creation_input_tokens":N,"cache_creation":{"ephemeral_1h_input_tokens":N}"#,
            "cache_write_1h_tokens",
            "written_1h",
        ),
        (r#""prompt_tokens_details":{"audio_tokens":N}"#, "audio_input_tokens", "audio_in"),
        (r#""prompt_tokens_details":{"image_tokens":N}"#, "image_input_tokens", "image_in"),
        (r#""completion_tokens_details":{"reasoning_tokens":N}"#, "reasoning_tokens", "reasoning"),
        (r#""completion_tokens_details":{"audio_tokens":N}"#, "audio_output_tokens", "audio_out"),
    ];
    let mut cases = Vec::new();
    for (stated, column, shown) in parts {
        let with = |count: i64| usage(&stated.replace('N', &count.to_string()));
        let row =
            |count: i64| format!("200 completed charged provider {LAST}+{LAST} total=0 {shown}={count}");
        cases.push(states(&format!("{column}: 1"), &with(1), &row(1)));
        cases.push(states(&format!("{column}: 2^31 - 1"), &with(LAST), &row(LAST)));
        let refused = format!("quarantined: {column} of 2147483648 is out of range*");
        cases.push(states(&format!("{column}: 2^31"), &with(LAST + 1), &refused));
    }
    for column in ["prompt_tokens", "completion_tokens", "total_tokens"] {
        let with = |count: i64| {
            let rest = ["prompt_tokens", "completion_tokens", "total_tokens"]
                .into_iter()
                .filter(|other| *other != column);
            let rest: String = rest.flat_map(|other| [",\"", other, "\":1"]).collect();
            format!(r#"{{"{column}":{count}{rest}}}"#)
        };
        let row = match column {
            "prompt_tokens" => "200 completed charged provider 2147483647+1 total=1",
            "completion_tokens" => "200 completed charged provider 1+2147483647 total=1",
            _ => "200 completed charged provider 1+1 total=2147483647",
        };
        cases.push(states(&format!("{column}: 2^31 - 1"), &with(LAST), row));
        let refused = format!("quarantined: {column} of 2147483648 is out of range*");
        cases.push(states(&format!("{column}: 2^31"), &with(LAST + 1), &refused));
    }
    Class { name: "numbers: columns", tuning: |_| {}, cases }
}

/// An answer of the dear model, whose input costs 0.060247241209 and whose output costs the smallest amount there is:
/// 153,092,023 tokens in are 2^63 - 1 of the smallest amount, which is the most that a record holds.
fn dear(name: &str, prompt: i64, completion: i64, row: &str) -> Case {
    let usage = format!(r#"{{"prompt_tokens":{prompt},"completion_tokens":{completion}}}"#);
    let body = super::request::HI.replace("hostile", "dear");
    case(name, super::request::chat(body).sent())
        .upstream(document(super::usage::completion(&usage)))
        .answers("200")
        .books(&[row])
}

/// The answer has this status line.
fn status(name: &str, status: u16, row: &str) -> Case {
    let body = super::usage::completion(r#"{"prompt_tokens":100,"completion_tokens":10}"#).into_bytes();
    let upstream =
        Upstream::Document { status, content_type: "application/json", body, script: String::new() };
    case(name, hi().sent()).upstream(upstream).answers(&format!("{status}*")).books(&[row])
}

/// The answer names its model and its end so.
fn texts(name: &str, model: &str, finish: &str, row: &str) -> Case {
    let body = format!(
        r#"{{"model":"{model}","choices":[{{"message":{{"content":"Hello"}},"finish_reason":"{finish}"}}],"usage":{{"prompt_tokens":100,"completion_tokens":10}}}}"#
    );
    case(name, hi().sent()).upstream(document(body)).answers("200").books(&[row])
}

pub(crate) fn amounts_and_texts() -> Class {
    use super::CHARGED;

    let cases = vec![
        dear("the smallest amount", 0, 1, "200 completed charged provider 0+1"),
        dear("the largest amount", 153_092_023, 0, "200 completed charged provider 153092023+0"),
        dear(
            "one more than the largest amount",
            153_092_023,
            1,
            "quarantined: the charge is larger than 9223372.036854775807 credits*",
        ),
        dear(
            "an amount past 64 bits many times over",
            LAST,
            LAST,
            "quarantined: the charge is larger than *",
        ),
        status("status 200", 200, CHARGED),
        status("status 299", 299, "299 completed charged provider 100+10"),
        status("status 300", 300, "300 completed charged provider 100+10"),
        status("status 400 with usage", 400, "400 failed charged provider 100+10"),
        status("status 599 with usage", 599, "599 failed charged provider 100+10"),
        status("status 999 with usage", 999, "999 failed charged provider 100+10"),
        texts("a model name of 256 bytes", &"m".repeat(256), "stop", CHARGED),
        texts("a model name of a megabyte", &"m".repeat(1 << 20), "stop", CHARGED),
        texts(
            "a model name that is cut inside a character",
            &format!("a{}", "😀".repeat(100)),
            "stop",
            CHARGED,
        ),
        texts("a finish reason of a megabyte", "m", &"s".repeat(1 << 20), CHARGED),
        texts("a model name with a NUL", r"m\u0000m", "stop", "quarantined: response_model contains a NUL*"),
        texts("a finish reason with a NUL", "m", r"\u0000", "quarantined: finish_reason contains a NUL*"),
        texts("names that are SQL", "'; drop table users; --", "' or 1=1", CHARGED),
        texts("names of control characters", r"\u0001\u001b[31m\u007f", r"\u200b\u202e", CHARGED),
        texts("names that are no characters", r"\uffff\ufffe", r"\ud83d\ude00", CHARGED),
    ];
    Class { name: "numbers: amounts and texts", tuning: |_| {}, cases }
}
