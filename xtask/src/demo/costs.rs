//! What the demo's upstreams ask, so that there is a margin to be seen: less than what its customers pay, and less yet since some weeks.

use jiff::{SignedDuration, Timestamp};

use crate::stage::tollgate::Tollgate;

/// A model, and prices of input, output and cache reads.
type Cost = (&'static str, [&'static str; 3]);

/// Since long ago.
const COSTS: [Cost; 4] = [
    ("gpt-demo", ["0.0000012", "0.000006", "0.00000012"]),
    ("claude-demo", ["0.000002", "0.00001", "0.0000002"]),
    ("gemini-demo", ["0.0000009", "0.000007", "0.0000009"]),
    ("embed-demo", ["0.000000007", "0", "0.000000007"]),
];
/// Since [`CHEAPER_SINCE`].
const CHEAPER: Cost = ("gpt-demo", ["0.0000009", "0.0000045", "0.00000009"]);
/// In the middle of the history, and of a day.
const CHEAPER_SINCE: SignedDuration = SignedDuration::from_hours(17 * 24 + 5);
const HOUR_S: i64 = 3_600;

pub(crate) fn set(tollgate: &Tollgate, now: Timestamp) -> anyhow::Result<()> {
    let since = now.checked_sub(CHEAPER_SINCE)?.as_second();
    let hour = Timestamp::from_second(since.saturating_sub(since.rem_euclid(HOUR_S)))?.to_string();
    let all = COSTS.iter().map(|cost| (cost, "2020-01-01")).chain([(&CHEAPER, hour.as_str())]);
    for ((model, [input, output, cache_read]), valid_from) in all {
        tollgate.cli(&[
            "cost",
            "set",
            model,
            "--input-price",
            input,
            "--output-price",
            output,
            "--cache-read-price",
            cache_read,
            "--valid-from",
            valid_from,
        ])?;
    }
    Ok(())
}
