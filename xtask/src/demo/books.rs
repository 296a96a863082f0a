//! Two books of the same traffic, side by side: Tollgate's, read through its command line, and the upstream's own.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use anyhow::bail;
use tollgate_testkit::oracle_sum;

use super::{CUSTOMERS, traffic::Seen};
use crate::stage::{
    books::{Served, Sum, expected, of, sums, text},
    cast::Customer,
    table,
    tollgate::Tollgate,
};

/// Far more than the batcher ever needs.
const CATCH_UP_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// One line of the table.
#[derive(Debug)]
pub(crate) struct Line {
    customer: &'static Customer,
    booked: Sum,
    expected: Sum,
    balance: String,
    expected_balance: String,
    /// How long after its last answer, at most, the books held all of the customer's requests.
    lag: Duration,
}

/// Waits until the books hold every answered request since an hour's beginning, then reads them.
pub(crate) async fn read(
    tollgate: &Tollgate,
    since: &str,
    seen: &[Seen],
    served: &[Served],
) -> anyhow::Result<Vec<Line>> {
    let deadline = Instant::now() + CATCH_UP_TIMEOUT;
    let looking_since = Instant::now();
    let mut complete_at = vec![None; CUSTOMERS.len()];
    let sums = loop {
        let sums = sums(tollgate, &["--group-by", "user", "--since", since])?;
        let now = Instant::now();
        for ((customer, seen), complete_at) in CUSTOMERS.iter().zip(seen).zip(&mut complete_at) {
            if complete_at.is_none() && of(&sums, customer.name).requests >= i64::try_from(seen.answered)? {
                *complete_at = Some(now);
            }
        }
        if complete_at.iter().all(Option::is_some) {
            break sums;
        }
        if now > deadline {
            bail!("after {} s the books still lack requests: they hold {sums:?}", CATCH_UP_TIMEOUT.as_secs());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    };
    let mut lines = Vec::new();
    for ((customer, seen), complete_at) in CUSTOMERS.iter().zip(seen).zip(complete_at) {
        let expected = expected(customer, served)?;
        let balance = tollgate.cli(&["balance", customer.name])?;
        lines.push(Line {
            customer,
            booked: of(&sums, customer.name),
            balance: oracle_sum([text(&balance, "balance")?]),
            expected_balance: oracle_sum([customer.credits, &format!("-{}", expected.charged)]),
            expected,
            lag: complete_at
                .zip(seen.last_answer)
                // For one whose last answer was before we looked, our first look is all there is to measure by.
                .map(|(complete, last)| complete.duration_since(last.max(looking_since)))
                .unwrap_or_default(),
        });
    }
    Ok(lines)
}

/// The table, and whether both books agree.
pub(crate) fn print(lines: &[Line], seen: &[Seen]) -> bool {
    let mut table = table(&[
        "customer",
        "requests",
        "streams",
        "402",
        "tokens in",
        "tokens out",
        "charged",
        "balance",
        "p50",
        "p99",
        "lag ≤",
    ]);
    for (line, seen) in lines.iter().zip(seen) {
        table.add_row([
            line.customer.name.to_owned(),
            line.booked.requests.to_string(),
            seen.streams.to_string(),
            seen.refused.to_string(),
            line.booked.prompt.to_string(),
            line.booked.completion.to_string(),
            line.booked.charged.clone(),
            line.balance.clone(),
            millis(seen.percentile(50)),
            millis(seen.percentile(99)),
            millis(line.lag),
        ]);
    }
    println!("{table}");
    let mut agree = true;
    let mut differs = |customer: &str, what: &str, books: &dyn Display, upstream: &dyn Display| {
        agree = false;
        println!(
            "   DIFFERENCE, {customer}: {what} is {books} in the books, and {upstream} by the upstream's own"
        );
    };
    for (line, seen) in lines.iter().zip(seen) {
        let (name, booked, expected) = (line.customer.name, &line.booked, &line.expected);
        for (what, books, upstream) in [
            ("requests", booked.requests, expected.requests),
            ("prompt tokens", booked.prompt, expected.prompt),
            ("completion tokens", booked.completion, expected.completion),
        ] {
            if books != upstream {
                differs(name, what, &books, &upstream);
            }
        }
        for (what, books, upstream) in [
            ("charged", &booked.charged, &expected.charged),
            ("balance", &line.balance, &line.expected_balance),
        ] {
            if books != upstream {
                differs(name, what, books, upstream);
            }
        }
        if seen.failed > 0 {
            let failure = seen.first_failure.as_deref().unwrap_or_default();
            differs(name, "requests that failed", &seen.failed, &format!("none. The first: {failure}"));
        }
    }
    if seen.iter().all(|seen| seen.refused == 0) {
        agree = false;
        println!("   DIFFERENCE: nobody was refused, although one customer's credits cannot have lasted");
    }
    if agree {
        println!(
            "   The upstream's own books, kept apart and priced by the demo itself, say the same to the last digit."
        );
    }
    agree
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
