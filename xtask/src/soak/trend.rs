//! Whether a quantity grows: a least-squares line through what was seen, and how sure that is.
//!
//! Seconds that follow each other are not independent, so the run is cut into equal blocks whose means are; the line goes through them,
//! and its standard error comes from how far they lie from it. Of what comes and goes with requests, such as their descriptors, not the mean of a
//! block counts but the least in it: what is there when nothing special is under way. What leaks stays there too. **Flat** is what grew over the run, at the upper end of the 95% interval,
//! by less than [`MOST_GROWTH`] of its mean, or by less than an amount that is nothing for its kind. **Growing** is what did not, even at the
//! lower end. Between the two the run was too short to tell, and that is said.

use std::{fmt, time::Duration};

use serde_json::{Value, json};

/// Of its mean, in one run: a run of an hour is held to a slope four times as small as one of a quarter of an hour.
pub(super) const MOST_GROWTH: f64 = 0.05;
/// Enough to tell a line from noise, long enough to be independent.
const BLOCKS: usize = 20;
/// Half a 95% interval, in standard errors.
const STANDARD_ERRORS: f64 = 2.0;

/// What is to be said of a trend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Flat,
    Growing,
    /// The interval has both in it.
    CannotTell,
}

/// What of a block counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Of {
    Mean,
    Least,
}

/// The trend of one quantity.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trend {
    pub(super) mean: f64,
    pub(super) slope_per_hour: f64,
    /// Half of the 95% interval of the slope.
    pub(super) uncertainty_per_hour: f64,
    /// The slope that is still flat.
    pub(super) allowed_per_hour: f64,
}

impl Trend {
    /// Of points in time, with the growth in one run that is nothing for this kind of quantity. Too few points have no trend.
    pub(super) fn of(points: &[(Duration, f64)], of: Of, nothing: f64) -> Option<Self> {
        let hours: Vec<(f64, f64)> =
            points.iter().map(|(after, value)| (after.as_secs_f64() / 3_600.0, *value)).collect();
        let run = hours.last()?.0 - hours.first()?.0;
        let blocks: Vec<(f64, f64)> = blocks(&hours, of);
        if blocks.len() < BLOCKS || run <= 0.0 {
            return None;
        }
        let (slope, error) = line(&blocks);
        let mean = hours.iter().map(|(_, value)| value).sum::<f64>() / count(hours.len());
        Some(Self {
            mean,
            slope_per_hour: slope,
            uncertainty_per_hour: STANDARD_ERRORS * error,
            allowed_per_hour: (MOST_GROWTH * mean).max(nothing) / run,
        })
    }

    pub(super) fn verdict(&self) -> Verdict {
        if self.slope_per_hour + self.uncertainty_per_hour < self.allowed_per_hour {
            Verdict::Flat
        } else if self.slope_per_hour - self.uncertainty_per_hour > self.allowed_per_hour {
            Verdict::Growing
        } else {
            Verdict::CannotTell
        }
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "mean": self.mean,
            "slope_per_hour": self.slope_per_hour,
            "uncertainty_per_hour": self.uncertainty_per_hour,
            "allowed_per_hour": self.allowed_per_hour,
            "verdict": self.verdict().to_string(),
        })
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flat => "flat",
            Self::Growing => "growing",
            Self::CannotTell => "cannot tell",
        })
    }
}

/// Equal parts: of each the middle of its time, and what counts of its values.
fn blocks(points: &[(f64, f64)], of: Of) -> Vec<(f64, f64)> {
    let size = points.len() / BLOCKS;
    if size == 0 {
        return Vec::new();
    }
    let mean = |block: &[(f64, f64)], of: fn(&(f64, f64)) -> f64| {
        block.iter().map(of).sum::<f64>() / count(block.len())
    };
    let value = |block: &[(f64, f64)]| match of {
        Of::Mean => mean(block, |point| point.1),
        Of::Least => block.iter().map(|point| point.1).fold(f64::INFINITY, f64::min),
    };
    points.chunks_exact(size).take(BLOCKS).map(|block| (mean(block, |point| point.0), value(block))).collect()
}

/// The slope of the least-squares line, and its standard error.
fn line(points: &[(f64, f64)]) -> (f64, f64) {
    let n = count(points.len());
    let (mean_x, mean_y) =
        (points.iter().map(|(x, _)| x).sum::<f64>() / n, points.iter().map(|(_, y)| y).sum::<f64>() / n);
    let spread: f64 = points.iter().map(|(x, _)| (x - mean_x).powi(2)).sum();
    let slope = points.iter().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>() / spread;
    let unexplained: f64 = points.iter().map(|(x, y)| (y - mean_y - slope * (x - mean_x)).powi(2)).sum();
    (slope, (unexplained / (n - 2.0) / spread).sqrt())
}

#[expect(clippy::cast_precision_loss, reason = "a number of points")]
fn count(length: usize) -> f64 {
    length as f64
}

#[cfg(test)]
mod tests;
