use super::*;

#[test]
fn the_distance_counts_letters_inserted_removed_and_replaced() {
    for (a, b, expected) in [
        ("", "", 0),
        ("abc", "abc", 0),
        ("abc", "", 3),
        ("kitten", "sitting", 3),
        ("ab", "ba", 2),
        ("ä", "a", 1),
    ] {
        assert_eq!(distance(a, b), expected, "{a} {b}");
        assert_eq!(distance(b, a), expected, "{b} {a}");
    }
}

#[test]
fn a_typing_error_a_wrong_section_and_another_word_are_told_apart() {
    let candidates = ["analytics.batch_size", "database.url", "listen"].map(String::from);
    assert_eq!(nearest("analytics.batchsize", &candidates), Some("analytics.batch_size"));
    assert_eq!(nearest("server.listen", &candidates), Some("listen"));
    assert_eq!(nearest("batch_size", &candidates), Some("analytics.batch_size"));
    assert_eq!(nearest("database.password", &candidates), None);
}
