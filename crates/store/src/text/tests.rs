use super::{MAX_NAME_CHARS, check_name, check_text};

fn refusal(name: &str) -> String {
    check_name("the user's name", name).unwrap_err().to_string()
}

#[test]
fn names_with_nul_and_other_control_characters_are_refused_clearly() {
    assert_eq!(refusal("a\0b"), r#"the user's name contains the control character "\0"; remove it"#);
    assert!(refusal("a\nb").contains(r"\n"));
    check_text("the description", "a\u{0}").unwrap_err();
}

#[test]
fn names_are_neither_empty_nor_padded_nor_endless() {
    assert!(refusal("").contains("is empty"));
    assert!(refusal(" a").contains("white space"));
    assert!(refusal(&"ü".repeat(MAX_NAME_CHARS + 1)).contains("longer than 200"));
    check_name("the user's name", &"ü".repeat(MAX_NAME_CHARS)).unwrap();
}
