//! Spend caps: how much a key or a user may spend in a day, a week, a month.

use std::time::Duration;

use jiff::Timestamp;
use tollgate_domain::{Credits, SpendWindow};

use super::{Limiter, Subject};

/// The most that may be spent; `None` is without cap.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Caps {
    /// In a day (UTC).
    pub daily: Option<Credits>,
    /// In a week (Monday to Sunday, UTC).
    pub weekly: Option<Credits>,
    /// In a month (UTC).
    pub monthly: Option<Credits>,
}

impl Caps {
    /// Whether there is any.
    pub(crate) const fn is_any(&self) -> bool {
        self.daily.is_some() || self.weekly.is_some() || self.monthly.is_some()
    }

    /// That of each window, in the order of [`SpendWindow::ALL`].
    pub(crate) fn each(&self) -> impl Iterator<Item = (SpendWindow, Option<Credits>)> {
        SpendWindow::ALL.into_iter().map(|window| {
            let cap = match window {
                SpendWindow::Day => self.daily,
                SpendWindow::Week => self.weekly,
                SpendWindow::Month => self.monthly,
            };
            (window, cap)
        })
    }
}

/// A cap of which nothing is left.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "Spend cap reached: {} may spend {cap} credits a {} (UTC) and has spent {spent}. It opens again at {opens_at}.",
    .subject.to_client(), .window.as_str()
)]
pub(crate) struct CapReached {
    pub(crate) subject: Subject,
    pub(crate) window: SpendWindow,
    pub(crate) cap: Credits,
    pub(crate) spent: Credits,
    pub(crate) now: Timestamp,
    pub(crate) opens_at: Timestamp,
}

impl CapReached {
    /// Until it opens again.
    pub(crate) fn retry_after(&self) -> Duration {
        self.opens_at.duration_since(self.now).try_into().unwrap_or(Duration::ZERO)
    }
}

impl Limiter {
    /// A request was refused for it.
    pub(crate) fn cap_reached(&self, reached: &CapReached) {
        let cap = match reached.window {
            SpendWindow::Day => "daily_cap",
            SpendWindow::Week => "weekly_cap",
            SpendWindow::Month => "monthly_cap",
        };
        self.metrics.limited(cap, reached.subject.kind());
    }
}
