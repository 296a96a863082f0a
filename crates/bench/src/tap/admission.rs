//! What the gateway itself takes to admit a request and to end it, with everything on, and no client, upstream or database around it.
//!
//! Requests are admitted a few at a time, right after their heads were made, as a server does that has just read them, until so many are in flight; and
//! ended in groups. So a clock is read twice for many of them; what lies between (the record's draft, the renewal of leases) is in neither figure.

use std::time::{Duration, Instant};

use tollgate_gateway::probe::{Admissions, ProbeError};

use crate::report::{Report, heading, line};

/// In flight at once.
const IN_FLIGHT: usize = 256;
/// Admitted between two looks at the clock.
const AT_ONCE: usize = 16;
/// How many are measured, after as many that are not.
const GROUPS: usize = 400;
/// Leases are renewed after so many groups: a few times a second.
const GROUPS_A_RENEWAL: usize = 40;
/// The issue's: of admission, in nanoseconds.
const WANTED_NS: f64 = 5_000.0;

/// What was measured, in nanoseconds a request. The middle of all groups.
#[derive(Debug, Clone, Copy)]
struct Costs {
    admission: f64,
    end: f64,
    /// The longest that a renewal of leases took, which keeps requests from their accounts a few leases at a time.
    renewal: Duration,
}

fn measure(users: usize) -> Result<Costs, ProbeError> {
    let mut gateway = Admissions::new(users)?;
    let (mut admissions, mut ends) = (Vec::new(), Vec::new());
    let mut renewal = Duration::ZERO;
    for group in 0..2 * GROUPS {
        let (mut admission, mut in_hand) = (Duration::ZERO, Vec::with_capacity(IN_FLIGHT));
        for _ in 0..IN_FLIGHT / AT_ONCE {
            let prepared = gateway.prepare(AT_ONCE);
            let begun = Instant::now();
            let passing = gateway.admit(prepared)?;
            admission += begun.elapsed();
            in_hand.extend(gateway.send(passing));
        }
        let begun = Instant::now();
        gateway.end(in_hand);
        let end = begun.elapsed();
        if group % GROUPS_A_RENEWAL == 0 {
            renewal = renewal.max(gateway.renew());
        }
        if group >= GROUPS {
            admissions.push(admission);
            ends.push(end);
        }
    }
    Ok(Costs { admission: middle(admissions), end: middle(ends), renewal })
}

/// So many requests one after the other, for callgrind.
pub(super) fn work(users: usize, times: u64) -> Result<(), ProbeError> {
    let mut gateway = Admissions::new(users)?;
    for _ in 0..times {
        let passing = gateway.prepare(1);
        let passing = gateway.admit(passing)?;
        let in_hand = gateway.send(passing);
        gateway.end(in_hand);
    }
    Ok(())
}

/// Nanoseconds a request, in the middle of all groups.
fn middle(mut groups: Vec<Duration>) -> f64 {
    groups.sort_unstable();
    groups.get(groups.len() / 2).map_or(0.0, |middle| middle.as_nanos() as f64 / IN_FLIGHT as f64)
}

/// Measures and prints.
pub(super) fn run(report: &mut Report) -> Result<(), ProbeError> {
    heading("admission: key, balance, caps, limits, hold from a lease (CPU of one core)");
    for users in [1, 10_000] {
        let Costs { admission, end, renewal } = measure(users)?;
        let wanted = if admission <= WANTED_NS { "" } else { ": NOT REACHED" };
        line(
            &format!("{users} user(s)"),
            &format!(
                "{admission:.0} ns to admit (wanted: {WANTED_NS:.0}{wanted}), {end:.0} ns to end, {renewal:.1?} a renewal"
            ),
        );
        report.figure(&format!("admission_ns_{users}_users"), admission);
        report.figure(&format!("end_ns_{users}_users"), end);
        report.figure(&format!("renewal_us_{users}_users"), renewal.as_secs_f64() * 1e6);
    }
    Ok(())
}
