//! The one failpoint of a process: which point, at which time that it is reached, and what happens then.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::Point;
#[cfg(feature = "armed")]
use crate::VARIABLE;

/// What an armed point does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Action {
    /// Ends the process, as SIGABRT does.
    Abort,
    /// Ends the task or thread.
    Panic,
}

/// A point that is armed.
#[derive(Debug)]
struct Armed {
    point: Point,
    /// How often it has to be reached yet.
    left: AtomicU64,
    action: Action,
}

impl Armed {
    /// Reads `name:nth:action`.
    fn parse(text: &str) -> Option<Self> {
        let mut fields = text.split(':');
        let point = Point::named(fields.next()?)?;
        let left = fields.next()?.parse().ok().filter(|nth| *nth > 0)?;
        let action = match fields.next()? {
            "abort" => Action::Abort,
            "panic" => Action::Panic,
            _ => return None,
        };
        fields.next().is_none().then_some(Self { point, left: AtomicU64::new(left), action })
    }

    /// What is to be done now; once, at the n-th time.
    fn reached(&self, point: Point) -> Option<Action> {
        // Wrapping after so many times is no concern of a process that lives for seconds.
        (point == self.point && self.left.fetch_sub(1, Ordering::Relaxed) == 1).then_some(self.action)
    }
}

/// The point is reached: the process or the task ends here, if this is the time for it.
#[cfg(feature = "armed")]
#[expect(clippy::panic, reason = "to panic on demand is what it is for")]
#[inline(never)]
pub fn hit(point: Point) {
    let Some(action) = armed().and_then(|armed| armed.reached(point)) else { return };
    match action {
        Action::Abort => {
            eprintln!("failpoint {}: abort", point.name());
            std::process::abort();
        }
        Action::Panic => panic!("failpoint {}: panic", point.name()),
    }
}

/// Whether this point is the one that is armed.
#[cfg(feature = "armed")]
pub fn is_armed(point: Point) -> bool {
    armed().is_some_and(|armed| armed.point == point)
}

#[cfg(feature = "armed")]
fn armed() -> Option<&'static Armed> {
    static ARMED: std::sync::OnceLock<Option<Armed>> = std::sync::OnceLock::new();
    ARMED
        .get_or_init(|| {
            let text = std::env::var(VARIABLE).ok()?;
            let armed = Armed::parse(&text);
            if armed.is_none() {
                eprintln!("{VARIABLE}={text} is not name:nth:abort or name:nth:panic");
                std::process::abort();
            }
            armed
        })
        .as_ref()
}

#[cfg(test)]
mod tests;
