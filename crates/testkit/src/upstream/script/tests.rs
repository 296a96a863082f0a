use std::time::Duration;

use super::{Encoding, Script, Split, UsageMode};

#[test]
fn a_script_is_read_from_a_line_of_text() {
    let script: Script =
        "prompt=12 completion=5 usage=null chunk=random:7 encoding=br delay_ms=3 no_end".parse().unwrap();
    let expected = Script {
        usage: UsageMode::Null,
        split: Split::Random(7),
        encoding: Some(Encoding::Br),
        delay: Duration::from_millis(3),
        no_end: true,
        ..Script::tokens(12, 5)
    };
    assert_eq!(script, expected);
}

#[test]
fn a_word_that_nobody_knows_is_named() {
    for word in ["promt=1", "status=99", "chunk=0", "html=yes", "usage=maybe"] {
        let error = format!("prompt=1 {word}").parse::<Script>().unwrap_err().to_string();
        assert!(error.contains(word), "{error}");
    }
}

#[test]
fn a_script_is_found_inside_a_body() {
    let body = br#"{"messages":[{"role":"user","content":"Hi! [[script prompt=3 completion=4]] there"}]}"#;
    assert_eq!(Script::in_body(body), Some(Ok(Script::tokens(3, 4))));
    assert_eq!(Script::in_body(b"{}"), None);
}
