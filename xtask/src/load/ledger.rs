//! The upstream's own book, added up while it grows, and laid beside Tollgate's.
//!
//! Sums by customer and model of requests, tokens and charges. Tokens differ from request to request, so one that is lost, doubled or
//! exchanged for another shows in them.

use std::collections::BTreeMap;

use anyhow::{Context, bail};
use serde_json::Value;
use tollgate_testkit::{ScriptedUpstream, oracle_sum};

use super::good::CUSTOMERS;
use crate::stage::{
    books::{Served, Sum, of, sums, text},
    cast::{Customer, MODELS},
    tollgate::Tollgate,
    wait_for,
};

/// The sums of good customers, and a count of the others' requests.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    sums: BTreeMap<(&'static str, &'static str), Sum>,
    /// Requests of those who are no good customers, by their name.
    others: BTreeMap<String, i64>,
    pub(crate) requests: i64,
}

impl Ledger {
    /// Takes what has ended out of the upstream's book and adds it.
    pub(crate) fn take(&mut self, upstream: &ScriptedUpstream) -> anyhow::Result<()> {
        for entry in upstream.take_ended() {
            self.requests += 1;
            let tag = entry.tag.clone().context("a request of nobody")?;
            let Some(customer) = CUSTOMERS.iter().find(|customer| customer.name == tag) else {
                *self.others.entry(tag).or_default() += 1;
                continue;
            };
            let Some(served) = Served::of(entry)? else { bail!("a request of {tag} without usage") };
            let sum = self.sums.entry((customer.name, served.model));
            sum.or_insert_with(|| Sum { charged: "0".to_owned(), ..Sum::default() })
                .add(customer, &served)?;
        }
        Ok(())
    }

    /// Takes all of it, and waits for what is under way to end.
    pub(crate) async fn take_rest(&mut self, upstream: &ScriptedUpstream) -> anyhow::Result<()> {
        wait_for("the upstream to be done", async || {
            self.take(upstream)?;
            Ok(upstream.books().is_empty().then_some(()))
        })
        .await
    }

    /// Waits until the books have as many requests as the upstream served, and says where both differ.
    pub(crate) async fn differences(&self, tollgate: &Tollgate) -> anyhow::Result<Vec<String>> {
        let in_books = wait_for("the books to hold every request", async || {
            let booked: i64 =
                sums(tollgate, &["--group-by", "user"])?.iter().map(|(_, sum)| sum.requests).sum();
            Ok((booked >= self.requests).then_some(booked))
        })
        .await?;
        let mut differences = Vec::new();
        if in_books != self.requests {
            differences
                .push(format!("{in_books} requests are in the books, the upstream served {}", self.requests));
        }
        for customer in &CUSTOMERS {
            differences.extend(self.differences_of(tollgate, customer)?);
        }
        let users = sums(tollgate, &["--group-by", "user"])?;
        for (other, served) in &self.others {
            let booked = of(&users, other).requests;
            if booked != *served {
                differences.push(format!("{other}: {booked} requests in the books, {served} served"));
            }
        }
        Ok(differences)
    }

    fn differences_of(&self, tollgate: &Tollgate, customer: &Customer) -> anyhow::Result<Vec<String>> {
        let booked = sums(tollgate, &["--user", customer.name, "--group-by", "model"])?;
        let mut differences = Vec::new();
        let mut charged = "0".to_owned();
        for model in &MODELS {
            let nothing = Sum { charged: "0".to_owned(), ..Sum::default() };
            let served = self.sums.get(&(customer.name, model.alias)).cloned().unwrap_or(nothing);
            let booked = of(&booked, model.alias);
            charged = oracle_sum([charged.as_str(), served.charged.as_str()]);
            if booked != served {
                differences.push(format!(
                    "{}, {}: {booked:?} in the books, {served:?} by the upstream",
                    customer.name, model.alias
                ));
            }
        }
        let balance: Value = tollgate.cli(&["balance", customer.name])?;
        let balance = oracle_sum([text(&balance, "balance")?]);
        let expected = oracle_sum([customer.credits, &format!("-{charged}")]);
        if balance != expected {
            differences.push(format!("{}: the balance is {balance}, it must be {expected}", customer.name));
        }
        Ok(differences)
    }
}
