//! What was measured, for people and as JSON, and what of it is not as it must be.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Notify, Options, outage::Outage, trial::Act};
use crate::{
    load::{arrivals::Sample, millis, percentile},
    stage::table,
};

/// What 99 of a hundred customers must be cut off within.
const WITHIN: Duration = Duration::from_secs(1);
const WITHIN_WITHOUT_NOTIFY: Duration = Duration::from_secs(2);
/// What the money of a dead gateway must be back within.
const BACK_WITHIN: Duration = Duration::from_mins(1);

#[derive(Debug)]
pub(super) struct Report {
    trials: u32,
    rate: f64,
    seed: u64,
    times: Vec<(Act, Notify, Duration)>,
    /// Requests of other customers beside the trials.
    others: usize,
    others_latencies: Vec<Duration>,
    pub(super) kills: Vec<Duration>,
    pub(super) outage: Option<Outage>,
    pub(super) faults: Vec<String>,
}

impl Report {
    pub(super) const fn new(options: &Options) -> Self {
        Self {
            trials: options.trials,
            rate: options.rate,
            seed: options.seed,
            times: Vec::new(),
            others: 0,
            others_latencies: Vec::new(),
            kills: Vec::new(),
            outage: None,
            faults: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, act: Act, notify: Notify, time: Duration) {
        self.times.push((act, notify, time));
    }

    /// How the requests of other customers went.
    pub(super) fn others(&mut self, samples: Vec<Sample>) {
        let failed: Vec<&str> = samples.iter().filter_map(|sample| sample.failure.as_deref()).collect();
        if let Some(first) = failed.first() {
            let of = samples.len();
            self.faults.push(format!("{} of {of} requests of others failed: {first}", failed.len()));
        }
        self.others += samples.len();
        self.others_latencies.extend(samples.into_iter().map(|sample| sample.latency));
    }

    fn of(&self, act: Act, notify: Notify) -> Vec<Duration> {
        let of = self.times.iter().filter(|(what, how, _)| (*what, *how) == (act, notify));
        of.map(|(_, _, time)| *time).collect()
    }

    /// All that was measured, in the order of the table.
    fn rows(&self) -> impl Iterator<Item = Row> {
        let both = [Notify::Works, Notify::Dead];
        let all = both.into_iter().flat_map(|notify| Act::ALL.map(|act| (act, notify)));
        all.filter_map(|(act, notify)| {
            let times = self.of(act, notify);
            (!times.is_empty()).then(|| Row {
                act,
                notify,
                count: times.len(),
                p50: percentile(&times, 50),
                p99: percentile(&times, 99),
                max: percentile(&times, 100),
            })
        })
    }

    /// Prints it, and answers what is not as it must be.
    pub(super) fn print(&self) -> Vec<String> {
        let mut faults = self.faults.clone();
        let mut printed = table(&["until the last gateway", "NOTIFY", "times", "p50 ms", "p99 ms", "max ms"]);
        for row in self.rows() {
            let Row { act, notify, count, p50, p99, max } = row;
            let ms = |time: Duration| format!("{:.0}", millis(time));
            let name = format!("knows of a {}", act.as_str());
            printed.add_row([name, notify.as_str().to_owned(), count.to_string(), ms(p50), ms(p99), ms(max)]);
            if p99 > row.bound() {
                let (act, notify, bound) = (act.as_str(), notify.as_str(), row.bound());
                faults.push(format!(
                    "the p99 of a {act} with NOTIFY {notify} is {p99:.2?}, and must be {bound:?}"
                ));
            }
        }
        if !self.times.is_empty() {
            println!("{printed}");
            println!(
                "   beside them {} requests of others, p50 {:.1} ms, p99 {:.1} ms",
                self.others,
                millis(percentile(&self.others_latencies, 50)),
                millis(percentile(&self.others_latencies, 99))
            );
        }
        if let Some(longest) = self.kills.iter().max() {
            println!("── {} gateways killed, their money back after {longest:.1?} at most", self.kills.len());
            if *longest > BACK_WITHIN {
                faults.push(format!("the money of a dead gateway came back after {longest:.1?}"));
            }
        }
        faults.extend(self.outage.as_ref().and_then(Outage::fault));
        faults
    }

    pub(super) fn json(&self, faults: &[String]) -> Value {
        let measured: Vec<Value> = self.rows().map(Row::json).collect();
        json!({
            "gateways": super::GATEWAYS,
            "trials": self.trials,
            "rate": self.rate,
            "seed": self.seed,
            "measured": measured,
            "others": self.others,
            "kills_s": self.kills.iter().map(Duration::as_secs_f64).collect::<Vec<f64>>(),
            "outage": self.outage.as_ref().map(Outage::json),
            "faults": faults,
        })
    }
}

/// One kind of act, with notifications or without.
#[derive(Debug)]
struct Row {
    act: Act,
    notify: Notify,
    count: usize,
    p50: Duration,
    p99: Duration,
    max: Duration,
}

impl Row {
    const fn bound(&self) -> Duration {
        match self.notify {
            Notify::Works => WITHIN,
            Notify::Dead => WITHIN_WITHOUT_NOTIFY,
        }
    }

    fn json(self) -> Value {
        json!({
            "act": self.act.as_str(),
            "notify": self.notify.as_str(),
            "times": self.count,
            "p50_ms": millis(self.p50),
            "p99_ms": millis(self.p99),
            "max_ms": millis(self.max),
        })
    }
}
