//! What came of all runs, for people and as JSON, and what of it is not as it must be.

use serde_json::{Value, json};

use super::scene::{Played, credits, given};

/// Of the credits, what must be used at least.
const LEAST_UTILISATION: f64 = 0.97;
/// Of the credits, what the bound may come to at most.
const MOST_BOUND: f64 = 0.05;

#[derive(Debug)]
pub(super) struct Report {
    seed: u64,
    scenes: Vec<Played>,
}

impl Report {
    pub(super) const fn new(seed: u64) -> Self {
        Self { seed, scenes: Vec::new() }
    }

    pub(super) fn add(&mut self, played: Played) {
        self.scenes.push(played);
    }

    fn runs(&self) -> usize {
        self.scenes.iter().filter(|scene| scene.is_capped()).count()
    }

    fn max_overdraft(&self, only_capped: bool) -> i128 {
        let scenes = self.scenes.iter().filter(|scene| !only_capped || scene.is_capped());
        scenes.map(Played::overdraft).max().unwrap_or(0)
    }

    fn bound(&self) -> i128 {
        self.scenes.iter().map(Played::bound).max().unwrap_or(0)
    }

    fn utilisation(&self) -> f64 {
        self.scenes.iter().map(Played::utilisation).fold(1.0, f64::min)
    }

    /// Prints it, and answers what is not as it must be.
    pub(super) fn print(&self, audit_ok: bool) -> Vec<String> {
        println!(
            "── {} runs: overdraft at most {:.6} ({:.6} with limits), bound at most {:.6} of {} credits, {:.2}% used at least",
            self.runs(),
            credits(self.max_overdraft(false)),
            credits(self.max_overdraft(true)),
            credits(self.bound()),
            credits(given()),
            self.utilisation() * 100.0
        );
        let mut faults: Vec<String> = self.scenes.iter().flat_map(|scene| scene.faults.clone()).collect();
        for scene in self.scenes.iter().filter(|scene| scene.overdraft() > scene.bound()) {
            faults.push(format!("overdrawn beyond the bound: {scene}"));
        }
        if self.max_overdraft(true) > 0 {
            faults.push("an account was overdrawn although every request had a limit".to_owned());
        }
        if credits(self.bound()) > credits(given()) * MOST_BOUND {
            faults.push("the bound is more than 5% of the credits".to_owned());
        }
        if self.utilisation() < LEAST_UTILISATION {
            faults.push("clients were refused while there was money".to_owned());
        }
        if !audit_ok {
            faults.push("the audit found something".to_owned());
        }
        faults
    }

    pub(super) fn json(&self, faults: &[String]) -> Value {
        json!({
            "runs": self.runs(),
            "max_overdraft": credits(self.max_overdraft(false)),
            "max_overdraft_capped": credits(self.max_overdraft(true)),
            "bound": credits(self.bound()),
            "credits": credits(given()),
            "utilisation": self.utilisation(),
            "seed": self.seed,
            "faults": faults,
        })
    }
}
