use super::*;

const TAKES: Takes = Takes {
    parameters: &[
        "start_time",
        "end_time",
        "bucket_width",
        "limit",
        "page",
        "user_ids",
        "project_ids",
        "models",
        "group_by",
    ],
    groups: &["user_id", "model", "project_id"],
    widths: &[("1h", BucketWidth::Hour, 24, 168), ("1d", BucketWidth::Day, 7, 31)],
    kind: None,
    with_amount: false,
};

fn refusal(query: &str) -> String {
    format!("{:?}", Asked::parse(Some(query), TAKES).unwrap_err())
}

#[test]
fn lists_come_with_and_without_brackets() {
    let asked = Asked::parse(Some("start_time=0&models[]=a&models=b&models%5B%5D=c&group_by[]=model"), TAKES)
        .unwrap();
    assert_eq!(asked.filter.models, ["a", "b", "c"]);
    assert_eq!(asked.filter.grouping, Grouping { model: true, ..Grouping::default() });
}

#[test]
fn a_page_has_the_number_of_buckets_that_openai_gives() {
    let limit = |query| Asked::parse(Some(query), TAKES).unwrap().limit;
    assert_eq!(limit("start_time=0"), 7);
    assert_eq!(limit("start_time=0&bucket_width=1h"), 24);
    assert_eq!(limit("start_time=0&bucket_width=1h&limit=168"), 168);
    assert!(refusal("start_time=0&limit=32").contains("1 to 31"));
    assert!(refusal("start_time=0&limit=0").contains("1 to 31"));
}

#[test]
fn minutes_are_refused_with_the_reason() {
    assert!(refusal("start_time=0&bucket_width=1m").contains("one of 1h, 1d"));
}

#[test]
fn what_cannot_be_read_is_named() {
    for (query, named) in [
        ("", "start_time"),
        ("start_time=yesterday", "start_time"),
        ("start_time=-1", "start_time"),
        ("start_time=99999999999999", "start_time"),
        ("start_time=5&end_time=5", "end_time"),
        ("start_time=0&start_time=1", "more than once"),
        ("start_time=0&colour=red", "colour"),
        ("start_time=0&user_ids=bob", "user_ids"),
        ("start_time=0&group_by=colour", "colour"),
        ("start_time=0&project_ids=p", "no projects"),
        ("start_time=0&models=%00", "control"),
    ] {
        assert!(refusal(query).contains(named), "{query}: {}", refusal(query));
    }
}
