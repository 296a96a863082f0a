//! Two books of the same traffic, side by side: Tollgate's, read through its command line, and the upstream's own.

use std::{
    fmt::Display,
    time::{Duration, Instant},
};

use anyhow::{Context, bail};
use comfy_table::{CellAlignment, Table, presets::UTF8_FULL_CONDENSED};
use serde_json::Value;
use tollgate_testkit::{oracle_charge, oracle_sum};

use super::{
    scenario::{CUSTOMERS, Customer},
    tollgate::Tollgate,
    traffic::Seen,
    upstream::Served,
};

/// Far more than the batcher ever needs.
const CATCH_UP_TIMEOUT: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_millis(20);

/// What a book says of one customer, or of one model.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Sum {
    pub(crate) requests: i64,
    pub(crate) prompt: i64,
    pub(crate) completion: i64,
    /// Credits, as the shortest exact decimal.
    pub(crate) charged: String,
}

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

/// Waits until the books hold every answered request, then reads them.
pub(crate) async fn read(tollgate: &Tollgate, seen: &[Seen], served: &[Served]) -> anyhow::Result<Vec<Line>> {
    let deadline = Instant::now() + CATCH_UP_TIMEOUT;
    let looking_since = Instant::now();
    let mut complete_at = vec![None; CUSTOMERS.len()];
    let sums = loop {
        let sums = sums(tollgate, "user")?;
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

/// What the upstream's own book makes of one customer, at the prices of the scenario.
fn expected(customer: &Customer, served: &[Served]) -> anyhow::Result<Sum> {
    let mut sum = Sum::default();
    let mut charges = Vec::new();
    for served in served.iter().filter(|served| served.customer == customer.name) {
        let tariff =
            customer.tariff(served.model).with_context(|| format!("{} has no price", served.model))?;
        sum.requests += 1;
        sum.prompt += served.counts.prompt;
        sum.completion += served.counts.completion;
        charges.push(oracle_charge(&served.counts, &tariff.oracle_prices()));
    }
    sum.charged = oracle_sum(charges.iter().map(String::as_str));
    Ok(sum)
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

/// The sums of `tollgate usage`, by the name of the group.
pub(crate) fn sums(tollgate: &Tollgate, group_by: &str) -> anyhow::Result<Vec<(String, Sum)>> {
    let usage = tollgate.cli(&["usage", "--group-by", group_by])?;
    let rows = usage.as_array().with_context(|| format!("`usage` printed no list: {usage}"))?;
    rows.iter()
        .map(|row| {
            let number = |name: &str| {
                row.get(name).and_then(Value::as_i64).with_context(|| format!("no `{name}` in {row}"))
            };
            let sum = Sum {
                requests: number("requests")?,
                prompt: number("prompt_tokens")?,
                completion: number("completion_tokens")?,
                charged: oracle_sum([text(row, "amount")?]),
            };
            // Requests without a user, or without a model, are a group without a name.
            Ok((text(row, "group").unwrap_or_default().to_owned(), sum))
        })
        .collect()
}

/// The sum of one group; nothing booked is a sum of zero.
pub(crate) fn of(sums: &[(String, Sum)], name: &str) -> Sum {
    let nothing = || Sum { charged: "0".to_owned(), ..Sum::default() };
    sums.iter().find(|(group, _)| group == name).map_or_else(nothing, |(_, sum)| sum.clone())
}

/// An empty table with numbers to the right.
pub(crate) fn table(head: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(UTF8_FULL_CONDENSED).set_header(head);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

fn text<'a>(value: &'a Value, name: &str) -> anyhow::Result<&'a str> {
    value.get(name).and_then(Value::as_str).with_context(|| format!("no `{name}` in {value}"))
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1_000.0)
}
