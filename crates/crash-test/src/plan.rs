//! What is broken in which cycle: decided by the seed alone.
//!
//! Three of five cycles end at a failpoint, in the order of a walk through all of them that is shuffled anew each time; the other
//! two are kills at random times.

use std::fmt;

use tollgate_failpoints::{Moment, Point};

use crate::random::Random;

/// Gateways that serve at once, on one database.
pub(crate) const GATEWAYS: usize = 2;
/// The load before a kill, in milliseconds.
const LOAD_MS: (u64, u64) = (60, 350);
/// Of the walks after the first one, every such failpoint is a panic in place of an abort.
const PANIC_ONE_IN: u64 = 4;

/// What happens in a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The victim ends at this point when it is reached for the n-th time.
    Point { point: Point, nth: u64, panics: bool },
    /// SIGKILL for the victim.
    KillGateway,
    /// SIGKILL for the victim so soon after its start.
    KillStarting { after_ms: u64 },
    /// SIGTERM for the victim, under load.
    Terminate,
    /// SIGTERM for the victim, and SIGKILL so soon after that.
    KillStopping { after_ms: u64 },
    /// SIGKILL for PostgreSQL's main process.
    KillPostmaster,
    /// SIGKILL for one of its other processes: PostgreSQL throws all of them out and recovers.
    KillBackend,
    /// SIGKILL for the victim while PostgreSQL is away.
    KillGatewayAndPostmaster,
    /// SIGKILL for all gateways and PostgreSQL at once.
    KillEverything,
}

/// One cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Cycle {
    /// Which gateway.
    pub(crate) victim: usize,
    pub(crate) fault: Fault,
    /// Milliseconds of load before the fault, where the fault does not choose its time.
    pub(crate) load_ms: u64,
    /// For what a fault has to choose itself.
    pub(crate) random: u64,
}

/// The cycles of a seed.
#[derive(Debug)]
pub(crate) struct Plan {
    random: Random,
    /// What is left of the walk through all points.
    walk: Vec<Point>,
    walks: u64,
    made: u64,
}

impl Plan {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Random::of(seed, 0), walk: Vec::new(), walks: 0, made: 0 }
    }

    fn fault(&mut self) -> Fault {
        if matches!(self.made % 5, 0 | 2 | 4) {
            return self.next_point();
        }
        match self.random.below(20) {
            0..6 => Fault::KillGateway,
            6..9 => Fault::KillPostmaster,
            9..12 => Fault::KillBackend,
            12..14 => Fault::KillStarting { after_ms: self.random.below(600) },
            14..16 => Fault::Terminate,
            16 => Fault::KillStopping { after_ms: self.random.below(100) },
            17..19 => Fault::KillGatewayAndPostmaster,
            _ => Fault::KillEverything,
        }
    }

    fn next_point(&mut self) -> Fault {
        if self.walk.is_empty() {
            self.walk = Point::ALL.to_vec();
            self.random.shuffle(&mut self.walk);
            self.walks += 1;
        }
        let point = self.walk.pop().unwrap_or(Point::FlushCommitted);
        let nth = match point.moment() {
            Moment::Recovering if point == Point::SettlementAppended => self.random.between(1, 3),
            Moment::Starting | Moment::Recovering | Moment::Stopping => 1,
            Moment::Serving if matches!(point, Point::ClientGone | Point::LastBytesReleased) => {
                self.random.between(1, 6)
            }
            Moment::Serving | Moment::Billing => self.random.between(1, 25),
        };
        Fault::Point { point, nth, panics: self.walks > 1 && self.random.below(PANIC_ONE_IN) == 0 }
    }
}

impl Iterator for Plan {
    type Item = Cycle;

    fn next(&mut self) -> Option<Cycle> {
        let fault = self.fault();
        self.made += 1;
        let victim = usize::try_from(self.random.below(GATEWAYS as u64)).unwrap_or(0);
        let load_ms = self.random.between(LOAD_MS.0, LOAD_MS.1);
        Some(Cycle { victim, fault, load_ms, random: self.random.below(u64::MAX) })
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { victim, fault, load_ms, .. } = self;
        match fault {
            Fault::Point { point, nth, panics } => {
                let how = if *panics { "panic" } else { "abort" };
                write!(f, "gateway {victim}: {how} at {} (time {nth})", point.name())
            }
            Fault::KillGateway => write!(f, "gateway {victim}: kill -9 after {load_ms} ms"),
            Fault::KillStarting { after_ms } => {
                write!(f, "gateway {victim}: kill -9 {after_ms} ms after its start")
            }
            Fault::Terminate => write!(f, "gateway {victim}: SIGTERM after {load_ms} ms"),
            Fault::KillStopping { after_ms } => {
                write!(f, "gateway {victim}: SIGTERM after {load_ms} ms, kill -9 {after_ms} ms later")
            }
            Fault::KillPostmaster => write!(f, "PostgreSQL: kill -9 after {load_ms} ms"),
            Fault::KillBackend => write!(f, "PostgreSQL: kill -9 of one of its processes after {load_ms} ms"),
            Fault::KillGatewayAndPostmaster => {
                write!(f, "PostgreSQL: kill -9 after {load_ms} ms, then gateway {victim}")
            }
            Fault::KillEverything => write!(f, "kill -9 of everything after {load_ms} ms"),
        }
    }
}

#[cfg(test)]
mod tests;
