use super::*;

#[test]
fn stated_usage_is_read_from_every_kind_of_answer() {
    let chat = r#"{"usage":{"prompt_tokens":3,"completion_tokens":4}}"#;
    assert_eq!(stated(chat), Some((3, 4)));
    let stream = "data: {\"choices\":[],\"usage\":null}\n\ndata: {\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":6}}\n\ndata: [DONE]\n\n";
    assert_eq!(stated(stream), Some((5, 6)));
    let events = "event: response.completed\ndata: {\"response\":{\"usage\":{\"input_tokens\":7,\"output_tokens\":8}}}\n\n";
    assert_eq!(stated(events), Some((7, 8)));
    assert_eq!(stated("{}"), None);
}
