//! Claims about what is written down of a request.

use super::*;

#[test]
fn a_trace_is_taken_from_a_valid_traceparent_only() {
    let trace = "0af7651916cd43dd8448eb211c80319c";
    assert_eq!(trace_id(&format!("00-{trace}-b7ad6b7169203331-01")).as_deref(), Some(trace));
    assert_eq!(trace_id(&format!("cc-{trace}-b7ad6b7169203331-01-more")).as_deref(), Some(trace));
    for bad in [
        "",
        "00",
        "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
        "00-00000000000000000000000000000000-b7ad6b7169203331-01",
        "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "00-0af7-b7ad6b7169203331-01",
        "\u{e9}\u{e9}-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    ] {
        assert_eq!(trace_id(bad), None, "{bad}");
    }
}

#[test]
fn a_text_is_cut_between_characters() {
    assert_eq!(truncated("abc", 5), "abc");
    assert_eq!(truncated("aéé", 4), "aé");
}
