//! Bad input, as a table: whatever a client or an upstream sends, the answer has a name, nothing panics, nothing is lost, and the
//! neighbours notice nothing.
//!
//! A [`Case`] reads: this is sent, the upstream does that, this must come back, and these rows must stand in the books. It runs
//! through the real thing: the server on a real PostgreSQL, its clients on bare TCP, and as upstreams the scripted one
//! with its own books and a [`wicked`] one that says any bytes at all. [`House::run`](house::House::run) holds each
//! case against the same rules, whatever it is about:
//!
//! - the answers are the named ones, and every answer is whole or seen to be broken;
//! - the rows of the attacker are exactly those of the case, each amount is what the oracle makes of its counts;
//! - as many requests were admitted as have a row or are in quarantine, and as many reached the upstream as the case says;
//! - a neighbour's request beside the attack and one right after it succeed, and cost what they cost;
//! - nothing panicked, and at the end the audit finds nothing and the neighbour's balance is right to the last digit.

use std::{collections::BTreeSet, time::Duration};

mod books;
mod clock;
mod h2;
mod headers;
mod house;
mod http;
mod json;
mod memory;
mod numbers;
mod request;
mod slow;
mod streams;
mod sweeps;
mod upstream;
mod usage;
mod wicked;
mod wire;

use self::{house::Tuning, wicked::Deed, wire::Act};

/// The longest that an answer, an end or a row in the books may take before its case has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// One bad input, and all that may come of it.
pub(crate) struct Case {
    pub(crate) name: String,
    /// What the client does on one connection.
    pub(crate) acts: Vec<Act>,
    pub(crate) upstream: Upstream,
    /// What must come back, see [`wire::Heard::text`].
    pub(crate) answer: String,
    /// What must stand in the books, a row each, see [`books::Row`]. A `*` stands for anything.
    pub(crate) books: Vec<String>,
    /// How many requests reach the upstream.
    pub(crate) reached: usize,
    /// Texts that must stand in the last request as it reached the upstream, and, after a `!`, texts that must not.
    pub(crate) forwarded: Vec<&'static str>,
    /// The same of what the client heard.
    pub(crate) heard: Vec<&'static str>,
}

/// What the upstream does.
#[derive(Clone)]
pub(crate) enum Upstream {
    /// The scripted one follows this script.
    Script(String),
    /// The scripted one answers with this document, changed by a script.
    Document { status: u16, content_type: &'static str, body: Vec<u8>, script: String },
    /// The wicked one does this on each connection, once it has the whole request.
    Wicked(Vec<Deed>),
}

/// What the scripted upstream states where a case does not say otherwise.
pub(crate) const USUAL: &str = "prompt=100 completion=10";
/// The row of a request that got that answer.
pub(crate) const CHARGED: &str = "200 completed charged provider 100+10";

/// A case in which the upstream answers as usual; nothing comes back and nothing is in the books until it is said.
pub(crate) fn case(name: impl Into<String>, acts: Vec<Act>) -> Case {
    Case {
        name: name.into(),
        acts,
        upstream: Upstream::Script(USUAL.to_owned()),
        answer: String::new(),
        books: Vec::new(),
        reached: 0,
        forwarded: Vec::new(),
        heard: Vec::new(),
    }
}

impl Case {
    /// What must come back.
    pub(crate) fn answers(mut self, answer: &str) -> Self {
        answer.clone_into(&mut self.answer);
        self
    }

    /// What must stand in the books. Each row is of a request that reached the upstream, unless [`Case::reaching`] says otherwise.
    pub(crate) fn books(mut self, rows: &[&str]) -> Self {
        self.books = rows.iter().map(|row| (*row).to_owned()).collect();
        self.reached = rows.len();
        self
    }

    /// One answered request, charged as usual.
    pub(crate) fn passes(self) -> Self {
        self.answers("200").books(&[CHARGED])
    }

    pub(crate) fn reaching(mut self, requests: usize) -> Self {
        self.reached = requests;
        self
    }

    pub(crate) fn script(mut self, script: &str) -> Self {
        self.upstream = Upstream::Script(script.to_owned());
        self
    }

    pub(crate) fn upstream(mut self, upstream: Upstream) -> Self {
        self.upstream = upstream;
        self
    }

    pub(crate) fn forwards(mut self, texts: &[&'static str]) -> Self {
        self.forwarded.extend(texts);
        self
    }

    pub(crate) fn hears(mut self, texts: &[&'static str]) -> Self {
        self.heard.extend(texts);
        self
    }
}

/// A class of cases that share a server.
pub(crate) struct Class {
    pub(crate) name: &'static str,
    pub(crate) tuning: Tuning,
    pub(crate) cases: Vec<Case>,
}

/// The classes that are tables. What needs more than one connection, another client or a moving clock is a list of names.
fn tables() -> Vec<Class> {
    vec![
        http::credentials(),
        http::framing(),
        http::syntax(),
        json::bodies(),
        json::options(),
        headers::spoofed(),
        headers::batch(),
        upstream::answers(),
        upstream::framing(),
        usage::whole(),
        streams::streamed(),
        numbers::columns(),
        numbers::amounts_and_texts(),
        slow::clients(),
        slow::upstreams(),
    ]
}

#[test]
fn the_suite_has_at_least_500_cases_and_each_has_a_name_of_its_own() {
    let mut names = BTreeSet::new();
    let mut all = Vec::new();
    for class in tables() {
        all.push((class.name, class.cases.iter().map(|case| case.name.clone()).collect::<Vec<_>>()));
    }
    for (class, cases) in [sweeps::CASES, h2::CASES, clock::CASES, memory::CASES] {
        all.push((class, cases.iter().map(|case| (*case).to_owned()).collect()));
    }
    let mut total = 0;
    for (class, cases) in all {
        println!("{:4} cases  {class}", cases.len());
        total += cases.len();
        for case in cases {
            assert!(names.insert(format!("{class}: {case}")), "`{case}` stands twice in {class}");
        }
    }
    println!("{total:4} cases of bad input in all");
    assert!(total >= 500, "{total}");
}
