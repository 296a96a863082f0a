//! The three books side by side: what clients got, what the upstream says, what Tollgate's books say. Pure.
//!
//! The upstream's books decide. A request that reached it has one row, unless its gateway died so soon that its client got nothing of an
//! answer: then it may have none, as the promise begins where the admission is durable. Whoever got a whole answer that states its usage has
//! a row with just this usage, and its price by the harness's own arithmetic.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use tollgate_testkit::{oracle_sum, upstream::Counts};

use crate::{
    books::Row,
    load::{Life, Sent},
    scene::{Model, USERS},
};

/// How a gateway answers whose spool broke before the admission was durable, in place of the upstream's answer. No upstream here answers
/// so.
const UNRECORDABLE: u16 = 503;

/// What the upstream knows of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) trace: String,
    pub(crate) status: u16,
    pub(crate) stated: Option<Counts>,
}

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    /// Admitted or answered, and without a row.
    Lost,
    /// More than one row, a row for nothing, or a wrong sum.
    Double,
    /// A finished response without its charge.
    Uncharged,
    /// Credits that are still held, or leased, when nobody asks for anything any more.
    Leaked,
    /// A promise beside the books was not kept: a gateway that lives on without billing, hangs, or does not drain.
    Broken,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) kind: Kind,
    pub(crate) what: String,
}

impl Fault {
    pub(crate) fn new(kind: Kind, what: impl Into<String>) -> Self {
        Self { kind, what: what.into() }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}: {}", self.kind, self.what)
    }
}

/// What was compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counted {
    pub(crate) sent: u64,
    pub(crate) reached_upstream: u64,
    /// Clients that got a whole answer with its usage.
    pub(crate) finished: u64,
    pub(crate) rows: u64,
    pub(crate) charged: u64,
    /// Settled after their gateway's end.
    pub(crate) interrupted: u64,
    /// Reached the upstream, and have no row and no client that got any of its answer.
    pub(crate) unadmitted: u64,
}

impl Counted {
    pub(crate) fn add(&mut self, other: Self) {
        self.sent += other.sent;
        self.reached_upstream += other.reached_upstream;
        self.finished += other.finished;
        self.rows += other.rows;
        self.charged += other.charged;
        self.interrupted += other.interrupted;
        self.unadmitted += other.unadmitted;
    }
}

/// Compares the books of one round. `crashed` are the lives that did not end in order.
pub(crate) fn compare(
    sent: &[Sent],
    served: &[Served],
    rows: &[Row],
    crashed: &HashSet<Life>,
) -> (Counted, Vec<Fault>) {
    let mut faults = Vec::new();
    let mut counted = Counted { sent: sent.len() as u64, rows: rows.len() as u64, ..Counted::default() };
    let mut upstream: HashMap<&str, &Served> = HashMap::new();
    for entry in served {
        if upstream.insert(&entry.trace, entry).is_some() {
            faults.push(Fault::new(Kind::Double, format!("{} was sent to the upstream twice", entry.trace)));
        }
    }
    let mut books: HashMap<&str, Vec<&Row>> = HashMap::new();
    for row in rows {
        books.entry(&row.trace).or_default().push(row);
    }
    let known: HashSet<&str> = sent.iter().map(|sent| sent.request.trace.as_str()).collect();
    for row in rows.iter().filter(|row| !known.contains(row.trace.as_str())) {
        faults.push(Fault::new(Kind::Double, format!("nobody sent what is in the books as {row:?}")));
    }
    for sent in sent {
        let trace = sent.request.trace.as_str();
        let case = Case {
            sent,
            served: upstream.get(trace).copied(),
            rows: books.get(trace).map_or(&[], Vec::as_slice),
            has_crashed: crashed.contains(&sent.life),
        };
        if let Err((kind, why)) = case.judge(&mut counted) {
            faults.push(Fault::new(kind, format!("{why}\n    {case:?}")));
        }
    }
    (counted, faults)
}

/// Holds each balance against the grants and the costs of its rows; `spent` is by user.
pub(crate) fn compare_balances(
    balances: &HashMap<String, (String, String)>,
    spent: &HashMap<String, String>,
) -> Vec<Fault> {
    let mut faults = Vec::new();
    for user in USERS {
        let Some((balance, granted)) = balances.get(user) else {
            faults.push(Fault::new(Kind::Double, format!("{user} has no balance")));
            continue;
        };
        let spent = spent.get(user).map_or("0", String::as_str);
        if oracle_sum([balance.as_str(), spent]) != oracle_sum([granted.as_str()]) {
            faults.push(Fault::new(
                Kind::Double,
                format!("{user} was given {granted}, spent {spent} and has {balance}"),
            ));
        }
    }
    faults
}

/// One request in all three books.
#[derive(Debug)]
struct Case<'a> {
    sent: &'a Sent,
    served: Option<&'a Served>,
    rows: &'a [&'a Row],
    has_crashed: bool,
}

impl Case<'_> {
    fn judge(&self, counted: &mut Counted) -> Result<(), (Kind, String)> {
        let got = self.sent.got;
        if got.hung {
            return Err((Kind::Broken, "a client was never answered".to_owned()));
        }
        counted.reached_upstream += u64::from(self.served.is_some());
        let stated = self
            .served
            .and_then(|served| ((200..300).contains(&served.status)).then_some(served.stated).flatten());
        let is_ok = got.status.is_some_and(|status| (200..300).contains(&status));
        let finished = if got.whole && is_ok { stated } else { None };
        counted.finished += u64::from(finished.is_some());
        if got.whole && is_ok && self.served.is_none() {
            return Err((Kind::Broken, "an answer that the upstream never gave".to_owned()));
        }
        let row = match self.rows {
            [row] => row,
            [] if finished.is_some() => {
                return Err((Kind::Uncharged, "a whole response without a row".to_owned()));
            }
            [] if self.served.is_none() => return Ok(()),
            [] if self.has_crashed && got.status.is_none_or(|status| status == UNRECORDABLE) => {
                counted.unadmitted += 1;
                return Ok(());
            }
            [] => return Err((Kind::Lost, "it reached the upstream and has no row".to_owned())),
            _ => return Err((Kind::Double, format!("{} rows", self.rows.len()))),
        };
        counted.charged += u64::from(row.state == "charged");
        counted.interrupted += u64::from(row.outcome == "interrupted");
        self.judge_row(row)?;
        match finished {
            Some(stated) => judge_charge(row, &stated),
            None => Ok(()),
        }
    }

    /// Whether the upstream stated this; of a stream that was cut off, what it had stated until then: Anthropic's begins with the prompt
    /// and a first count of the answer.
    fn is_stated(&self, row: &Row, counts: &Counts) -> bool {
        let Some(stated) = self.served.and_then(|served| served.stated) else { return false };
        let was_cut = !self.sent.got.whole && matches!(row.outcome.as_str(), "cancelled" | "failed");
        let completion = if was_cut { counts.completion.min(stated.completion) } else { stated.completion };
        *counts == Counts { completion, ..stated }
    }

    /// What every row must be.
    fn judge_row(&self, row: &Row) -> Result<(), (Kind, String)> {
        let request = &self.sent.request;
        let wrong = |what: &str| Err((Kind::Double, what.to_owned()));
        if row.user.as_deref() != USERS.get(request.user).copied() {
            return wrong("charged to somebody else");
        }
        let Some(model) =
            row.model.as_deref().and_then(Model::named).filter(|model| model.alias == request.model.alias)
        else {
            return wrong("another model");
        };
        if row.outcome == "interrupted" && !self.has_crashed {
            return Err((Kind::Uncharged, "settled although its gateway never crashed".to_owned()));
        }
        let is_estimate_of_interrupted = row.outcome == "interrupted" && row.usage_source == "estimated";
        match (row.usage_source.as_str(), row.counts) {
            ("none", None) => {}
            ("estimated", Some(_)) if self.served.is_some() || is_estimate_of_interrupted => {}
            ("provider", Some(counts)) if self.is_stated(row, &counts) => {}
            _ => return wrong("its tokens are not what the upstream stated"),
        }
        let cost = row.counts.map_or_else(|| "0".to_owned(), |counts| model.cost(&counts));
        if oracle_sum([row.cost.as_str()]) != cost {
            return Err((Kind::Double, format!("it must cost {cost}")));
        }
        let is_right = match row.state.as_str() {
            "charged" => cost != "0",
            "free" => cost == "0",
            "voided" => row.usage_source == "none",
            _ => false,
        };
        if is_right { Ok(()) } else { wrong("in a state that its cost does not make") }
    }
}

/// What the row of a finished response must be.
fn judge_charge(row: &Row, stated: &Counts) -> Result<(), (Kind, String)> {
    let is_right = row.usage_source == "provider"
        && row.counts.as_ref() == Some(stated)
        && matches!(row.state.as_str(), "charged" | "free")
        && row.outcome == "completed";
    if is_right { Ok(()) } else { Err((Kind::Uncharged, "a whole response that is not charged".to_owned())) }
}

#[cfg(test)]
mod tests;
