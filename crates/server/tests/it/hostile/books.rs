//! What stands in the books of one request, as a line of text; and what it must have cost, by the oracle.

use std::fmt::Write;

use tokio_postgres::Client;
use tollgate_testkit::{OraclePrices, oracle_charge, upstream::Counts};

/// One request in the books, or in quarantine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) correlation_id: i64,
    /// `200 completed charged provider 100+10 cached=5`: status, outcome, state, where the counts come from, prompt + completion
    /// (`-` for unknown), the total where it is not their sum, and the parts that are not zero, `in a batch`. Or `quarantined: ` and
    /// the reason.
    pub(crate) text: String,
    /// What it cost.
    pub(crate) cost: String,
    /// What it must cost; `None` where nothing is charged.
    pub(crate) must_cost: Option<String>,
}

/// The prices of the models in [`crate::hostile::house`].
fn prices(model: &str) -> OraclePrices<'static> {
    let (input, output) = match model {
        "dear" => ("0.060247241209", "0.000000000001"),
        _ => ("0.00001", "0.00003"),
    };
    OraclePrices { input, output, ..OraclePrices::default() }
}

/// What these keys have in the books and in quarantine after a correlation id, in the order of admission.
pub(crate) async fn rows(client: &Client, keys: &[&str], after: i64) -> Vec<Row> {
    let keys: Vec<&str> = keys.to_vec();
    let found = client
        .query(
            "select correlation_id, status_code, outcome, state, usage_source, prompt_tokens, completion_tokens,
                    total_tokens, reasoning_tokens, cache_read_tokens, cache_write_5m_tokens, cache_write_1h_tokens,
                    audio_input_tokens, audio_output_tokens, image_input_tokens,
                    trim_scale(total_cost)::text, model,
                    coalesce(batch_id::text, batch_request_id::text, custom_id, batch_completion_window,
                             batch_created_at::text, batch_request_source) is not null
             from http_analytics where api_key_id::text = any($1) and correlation_id > $2",
            &[&keys, &after],
        )
        .await
        .unwrap();
    let mut rows: Vec<Row> = found.iter().map(read).collect();
    let refused = client
        .query(
            "select correlation_id, reason from quarantine
             where correlation_id > $2
               and exists (select 1 from unnest($1::text[]) k where convert_from(payload, 'UTF8') like '%' || k || '%')",
            &[&keys, &after],
        )
        .await
        .unwrap();
    rows.extend(refused.iter().map(|row| Row {
        correlation_id: row.get(0),
        text: format!("quarantined: {}", row.get::<_, &str>(1)),
        cost: "0".to_owned(),
        must_cost: None,
    }));
    rows.sort_by_key(|row| row.correlation_id);
    rows
}

fn read(row: &tokio_postgres::Row) -> Row {
    let count = |column: usize| row.get::<_, Option<i32>>(column);
    let number = |count: Option<i32>| count.map_or_else(|| "-".to_owned(), |count| count.to_string());
    let (state, source): (&str, &str) = (row.get(3), row.get(4));
    let mut text = format!("{} {} {state} {source}", row.get::<_, i32>(1), row.get::<_, &str>(2));
    let (prompt, completion, total) = (count(5), count(6), count(7));
    if source != "none" {
        write!(text, " {}+{}", number(prompt), number(completion)).unwrap();
        let sum = i64::from(prompt.unwrap_or(0)) + i64::from(completion.unwrap_or(0));
        if let Some(total) = total.filter(|total| i64::from(*total) != sum) {
            write!(text, " total={total}").unwrap();
        }
    }
    let parts = ["reasoning", "cached", "written_5m", "written_1h", "audio_in", "audio_out", "image_in"];
    for (column, part) in (8..).zip(parts) {
        if let Some(count) = count(column).filter(|count| *count != 0) {
            write!(text, " {part}={count}").unwrap();
        }
    }
    if row.get(17) {
        text.push_str(" in a batch");
    }
    let part = |column| i64::from(count(column).unwrap_or(0));
    let counts = Counts {
        prompt: i64::from(prompt.unwrap_or(0)),
        completion: i64::from(completion.unwrap_or(0)),
        reasoning: part(8),
        cache_read: part(9),
        cache_write_5m: part(10),
        cache_write_1h: part(11),
        audio_input: part(12),
        audio_output: part(13),
        image_input: part(14),
    };
    let charged = (state == "charged").then(|| oracle_charge(&counts, &prices(row.get(16))));
    Row { correlation_id: row.get(0), text, cost: row.get(15), must_cost: charged }
}

/// Whether `text` is `pattern`, in which a `*` stands for anything.
pub(crate) fn matches(pattern: &str, text: &str) -> bool {
    let mut parts = pattern.split('*');
    let Some(mut rest) = parts.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let parts: Vec<&str> = parts.collect();
    let Some((last, between)) = parts.split_last() else { return rest.is_empty() };
    for part in between {
        match rest.find(part) {
            Some(at) => rest = &rest[at + part.len()..],
            None => return false,
        }
    }
    rest.ends_with(last)
}

#[test]
fn a_star_stands_for_anything_and_nothing_else_does() {
    for (pattern, text, expected) in [
        ("a", "a", true),
        ("a", "ab", false),
        ("a*", "ab", true),
        ("*b", "ab", true),
        ("a*b*c", "a b c", true),
        ("a*b*c", "a c", false),
        ("a*", "b", false),
    ] {
        assert_eq!(matches(pattern, text), expected, "{pattern} {text}");
    }
}
