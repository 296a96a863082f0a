//! Bodies that are wrong as JSON, or right and hostile.

use serde_json::json;

use super::{
    Case, Class, case,
    request::{chat, hi},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_that_are_no_request_are_refused_by_name() {
    super::house::House::run(bodies()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn options_of_every_wrong_kind_are_the_upstreams_to_judge_and_still_charged() {
    super::house::House::run(options()).await;
}

/// A chat with this body.
fn body(name: &str, body: impl AsRef<[u8]>) -> Case {
    case(name, chat(body).sent())
}

/// The usual members, and these.
fn with(members: &str) -> String {
    format!(r#"{{"model":"hostile","messages":[{{"role":"user","content":"hi"}}],{members}}}"#)
}

/// With this as the model.
fn model(name: &str, model: &str) -> Case {
    body(name, format!(r#"{{"messages":[],"model":{model}}}"#))
}

/// With this between the quotes of a message.
fn content(name: &str, content: &[u8]) -> Case {
    let body_with_content =
        [br#"{"model":"hostile","messages":[{"role":"user","content":""#.as_slice(), content, br#""}]}"#];
    body(name, body_with_content.concat())
}

pub(crate) fn bodies() -> Class {
    let deep =
        |open: &str, close: &str| with(&format!(r#""x":{}{}"#, open.repeat(10_000), close.repeat(10_000)));
    let cases = vec![
        body("an empty body", "").answers("400 empty_body"),
        body("blanks", " \r\n\t ").answers("400 empty_body"),
        body("null", "null").answers("400 not_an_object"),
        body("an array", "[]").answers("400 not_an_object"),
        body("the request in an array", format!("[{}]", with(r#""x":1"#))).answers("400 not_an_object"),
        body("a string", r#""hostile""#).answers("400 not_an_object"),
        body("a number", "42").answers("400 not_an_object"),
        body("an empty object", "{}").answers("400 model_missing"),
        body("arrays 10,000 deep", deep("[", "]")).answers("400 invalid_json"),
        body("objects 10,000 deep", deep(r#"{"x":"#, "}")).answers("400 invalid_json"),
        body("arrays 10,000 deep that never end", with(&format!(r#""x":{}"#, "[".repeat(10_000))))
            .answers("400 invalid_json"),
        body("a byte order mark", format!("\u{feff}{}", with(r#""x":1"#))).answers("400 invalid_json"),
        body("UTF-16", with(r#""x":1"#).encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>())
            .answers("400 invalid_json"),
        body("a comma too many", with(r#""x":1,"#)).answers("400 invalid_json"),
        body("a bracket missing", with(r#""x":[1"#)).answers("400 invalid_json"),
        body("something after the object", with(r#""x":1"#) + "x").answers("400 invalid_json"),
        body("two objects", with(r#""x":1"#).repeat(2)).answers("400 invalid_json"),
        body("single quotes", "{'model':'hostile'}").answers("400 invalid_json"),
        body("a comment", with("/* */ \"x\":1")).answers("400 invalid_json"),
        body("NaN", with(r#""temperature":NaN"#)).answers("400 invalid_json"),
        body("a NUL between members", with("\0\"x\":1")).answers("400 invalid_json"),
        body("a string that does not end", with(r#""x":"y"#)).answers("400 invalid_json"),
        body("an escape that is none", with(r#""x":"\q""#)).answers("400 invalid_json"),
        body("a form", "model=hostile&messages=hi").answers("400 invalid_json"),
        case(
            "a multipart form on a JSON route",
            hi().instead("content-type: multipart/form-data; boundary=x").sent(),
        )
        .passes(),
        case(
            "a content type that is not UTF-8",
            hi().without("content-type").with(b"content-type: \xff").sent(),
        )
        .passes(),
        body("two models", with(r#""model":"hostile""#)).answers("400 duplicate_key"),
        body("two models, the cheap one first", with(r#""model":"dear""#)).answers("400 duplicate_key"),
        body("two models, one in escapes", with(r#""\u006d\u006f\u0064\u0065\u006c":"dear""#))
            .answers("400 duplicate_key"),
        body("two models, one in capitals", with(r#""MODEL":"dear""#)).answers("400 duplicate_key"),
        body("a model in capitals", r#"{"Model":"hostile","messages":[]}"#).answers("400 misspelled_key"),
        body("a stream in capitals", with(r#""Stream":true"#)).answers("400 misspelled_key"),
        body("a stream with a long s", with("\"\u{17f}tream\":true")).answers("400 misspelled_key"),
        body("a limit with a Kelvin sign", with("\"max_to\u{212a}ens\":1")).answers("400 misspelled_key"),
        body("stream_options in capitals", with(r#""stream":true,"STREAM_OPTIONS":{"include_usage":false}"#))
            .answers("400 misspelled_key"),
        case("two models, one in capitals, on a path that is passed through", {
            chat(r#"{"model":"hostile","MODEL":"dear"}"#).to("/v1/images/edits").sent()
        })
        .answers("400 duplicate_key"),
        body("two streams", with(r#""stream":false,"stream":true"#)).answers("400 duplicate_key"),
        model("a model that is null", "null").answers("400 model_not_a_string"),
        model("a model that is a number", "7").answers("400 model_not_a_string"),
        model("a model that is a list", r#"["hostile"]"#).answers("400 model_not_a_string"),
        model("an empty model", r#""""#).answers("400 model_missing"),
        model("a model of 1 MB", &format!(r#""{}""#, "x".repeat(1 << 20))).answers("400 model_too_long"),
        model("a model that is an object of 1 MB", &format!(r#"{{"x":"{}"}}"#, "x".repeat(1 << 20)))
            .answers("400 model_too_long"),
        model("a model with a NUL", r#""hostile\u0000""#).answers("404 model_not_found"),
        model("a model with a raw NUL", "\"hostile\0\"").answers("400 model_not_a_string"),
        model("a model with a lone surrogate", r#""hostile\ud800""#).answers("400 model_not_a_string"),
        model("a model with a line end", r#""hostile\n""#).answers("404 model_not_found"),
        model("a model's name in capitals", r#""HOSTILE""#).answers("404 model_not_found"),
        model("a model with a letter that looks alike", "\"h\u{43e}stile\"").answers("404 model_not_found"),
        model("a model that is HTML", r#""<script>alert(1)</script>""#).answers("404 model_not_found"),
        body("a model that is not UTF-8", b"{\"model\":\"hostile\xff\",\"messages\":[]}")
            .answers("400 model_not_a_string"),
        body("a member of 1 MB", with(&format!(r#""x":"{}""#, "y".repeat(1 << 20)))).passes(),
        body("a key of 1 MB", with(&format!(r#""{}":1"#, "y".repeat(1 << 20)))).passes(),
        body(
            "100,000 members",
            with(&(0..100_000).map(|n| format!(r#""x{n}":1"#)).collect::<Vec<_>>().join(",")),
        )
        .passes(),
    ];
    Class { name: "JSON: bodies", tuning: |gateway| gateway.max_body_bytes = 8 << 20, cases }
}

/// `max_tokens` is this.
fn max_tokens(value: &str) -> Case {
    let name = format!("max_tokens: {}", value.chars().take(40).collect::<String>());
    body(&name, with(&format!(r#""max_tokens":{value}"#))).passes()
}

/// A stream asked for, or not, in these words; the answer comes as a stream all the same.
fn stream(members: &str, forwarded: &'static str) -> Case {
    let name = members.chars().take(60).collect::<String>();
    body(&name, with(members)).passes().forwards(&[forwarded])
}

pub(crate) fn options() -> Class {
    const INJECTED: &str = r#""include_usage":true"#;
    const NOT_INJECTED: &str = r#"!"include_usage":true"#;
    let deep = format!("{}{}", "[".repeat(1000), "]".repeat(1000));
    let mut cases: Vec<Case> = [
        "0",
        "-1",
        "-9223372036854775809",
        "1.5",
        "1e400",
        "18446744073709551616",
        r#""100""#,
        r#""many""#,
        "null",
        "true",
        "[100]",
        r#"{"a":1}"#,
        &deep,
    ]
    .into_iter()
    .map(max_tokens)
    .collect();
    cases.extend([
        body("max_tokens given twice", with(r#""max_tokens":1,"max_tokens":2"#)).answers("400 duplicate_key"),
        body("max_tokens that is no number at all", with(r#""max_tokens":1x2"#)).passes(),
        stream(r#""stream":"true""#, INJECTED),
        stream(r#""stream":"TRUE ""#, INJECTED),
        stream(r#""stream":1"#, INJECTED),
        stream(r#""stream":"yes""#, INJECTED),
        stream(r#""stream":"false""#, NOT_INJECTED),
        stream(r#""stream":null"#, NOT_INJECTED),
        stream(r#""stream":[true]"#, NOT_INJECTED),
        stream(r#""stream":{"a":true}"#, NOT_INJECTED),
        stream(r#""stream":"perhaps""#, NOT_INJECTED),
        stream(r#""stream":true,"stream_options":{"include_usage":false}"#, INJECTED),
        stream(r#""stream":true,"stream_options":null"#, INJECTED),
        stream(r#""stream":true,"stream_options":{"include_usage":"off"}"#, INJECTED),
        stream(r#""stream":true,"stream_options":[]"#, NOT_INJECTED)
            .books(&["200 completed charged estimated *"]),
        stream(r#""stream":true,"stream_options":{"include_usage":"perhaps"}"#, NOT_INJECTED)
            .books(&["200 completed charged estimated *"]),
        body(
            "include_usage given twice",
            with(r#""stream":true,"stream_options":{"include_usage":true,"include_usage":false}"#),
        )
        .answers("400 duplicate_key")
        .books(&["400 failed free none"])
        .reaching(0),
        body("include_usage in capitals", with(r#""stream":true,"stream_options":{"INCLUDE_USAGE":false}"#))
            .answers("400 misspelled_key")
            .books(&["400 failed free none"])
            .reaching(0),
        body(
            "stream_options of 5 KB",
            with(&format!(r#""stream":true,"stream_options":{{"x":"{}"}}"#, "y".repeat(5000))),
        )
        .answers("400 stream_options_too_long"),
        content("a NUL in the content", br"\u0000").passes(),
        content("a raw NUL in the content", b"\0").passes(),
        content("a lone surrogate in the content", br"\ud800").passes(),
        content("content that is not UTF-8", b"\xff\xfe\xc0\xaf").passes(),
        content("a lone surrogate that has to be counted", br"\ud800 \udfff")
            .script("usage=none")
            .answers("200")
            .books(&["200 completed charged estimated *"]),
        content("content that is not UTF-8 and has to be counted", b"\xff\xfe\xc0\xaf")
            .script("usage=none")
            .answers("200")
            .books(&["200 completed charged estimated *"]),
        content("a megabyte of one letter that has to be counted", &vec![b'a'; 1 << 20])
            .script("usage=none")
            .answers("200")
            .books(&["200 completed charged estimated *"]),
        content("a megabyte of blanks that has to be counted", &vec![b' '; 1 << 20])
            .script("usage=none")
            .answers("200")
            .books(&["200 completed charged estimated *"]),
        content("a megabyte of escapes that has to be counted", &br"\u0001".repeat(170_000))
            .script("usage=none")
            .answers("200")
            .books(&["200 completed charged estimated *"]),
        body(
            "messages of a wrong kind that have to be counted",
            json!({"model": "hostile", "messages": {"a": [null, 1, {"content": [[["x"]]]}]}}).to_string(),
        )
        .script("usage=none")
        .answers("200")
        .books(&["200 completed charged estimated *"]),
        body("background on a route that has none", with(r#""background":true"#)).passes(),
        case("background", chat(with(r#""background":true,"input":"hi""#)).to("/v1/responses").sent())
            .answers("400 background_not_supported"),
        case(
            "background in other words",
            chat(with(r#""background":"yes","input":"hi""#)).to("/v1/responses").sent(),
        )
        .answers("400 background_not_supported"),
    ]);
    Class { name: "JSON: options and contents", tuning: |gateway| gateway.max_body_bytes = 8 << 20, cases }
}
