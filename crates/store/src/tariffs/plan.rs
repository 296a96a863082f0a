//! What a change of prices does to the rows, computed without SQL.
//!
//! The wanted prices of one purpose and window are a line of segments in time. A segment opens where it says, also in the past;
//! what was in force is left as it was until now, and where both are valid the newer opening counts (`find_best_tariff`). From now on
//! the segments replace what is there, row by row where rows are equal.

use std::collections::BTreeMap;

use jiff::Timestamp;
use tollgate_domain::{ApiKeyPurpose, PriceList};

use super::{StoredTariff, WantedTariff};
use crate::StoreError;

/// Prices of one purpose and window, from an instant until just before another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) purpose: ApiKeyPurpose,
    pub(super) completion_window: Option<String>,
    pub(super) prices: PriceList,
    pub(super) from: Timestamp,
    pub(super) until: Option<Timestamp>,
}

/// What is to be done.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Plan {
    /// Rows (by index in the existing list) and the end that each gets.
    pub(super) ends: Vec<(usize, Option<Timestamp>)>,
    /// Rows to be inserted.
    pub(super) openings: Vec<Segment>,
    /// Wanted segments that are there already.
    pub(super) unchanged: usize,
}

/// The whole list: groups that are not in it close.
pub(super) fn replace(
    existing: &[StoredTariff],
    wanted: &[WantedTariff],
    now: Timestamp,
) -> Result<Plan, StoreError> {
    let mut groups = BTreeMap::<(&str, Option<&str>), Vec<Segment>>::new();
    for tariff in existing {
        groups.entry((tariff.purpose.as_str(), tariff.completion_window.as_deref())).or_default();
    }
    for tariff in wanted {
        let group = (tariff.purpose.as_str(), tariff.completion_window.as_deref());
        groups.entry(group).or_default().push(segment(tariff, now));
    }
    let mut plan = Plan::default();
    for (group, mut segments) in groups {
        segments.sort_by_key(|segment| segment.from);
        // Each segment ends where the next one opens.
        for index in 1..segments.len() {
            if let [.., earlier, later] = &mut segments[..=index] {
                if earlier.from == later.from {
                    let window = group.1.map(|window| format!(" and window {window}")).unwrap_or_default();
                    return Err(StoreError::refused(format!(
                        "two tariffs for purpose {}{window} open at the same time; keep one of them, or give \
                         them different `valid_from`",
                        group.0
                    )));
                }
                earlier.until = Some(later.from);
            }
        }
        change_group(existing, group, &segments, now, &mut plan);
    }
    Ok(plan)
}

/// One purpose and window, from the wanted instant on; what is in force until then stays.
pub(super) fn set(existing: &[StoredTariff], wanted: &WantedTariff, now: Timestamp) -> Plan {
    let new = segment(wanted, now);
    let group = (wanted.purpose.as_str(), wanted.completion_window.as_deref());
    let mut segments: Vec<Segment> = members(existing, group)
        .map(|(_, tariff)| tariff)
        .filter(|tariff| new.from > now && is_live(tariff, now) && tariff.valid_from < new.from)
        .map(|tariff| Segment {
            prices: tariff.prices,
            from: tariff.valid_from,
            until: Some(tariff.valid_until.map_or(new.from, |until| until.min(new.from))),
            ..new.clone()
        })
        .collect();
    segments.push(new);
    let mut plan = Plan::default();
    change_group(existing, group, &segments, now, &mut plan);
    plan
}

fn segment(wanted: &WantedTariff, now: Timestamp) -> Segment {
    Segment {
        purpose: wanted.purpose,
        completion_window: wanted.completion_window.clone(),
        prices: wanted.prices,
        from: wanted.valid_from.map_or(now, tollgate_domain::truncate_to_micros),
        until: None,
    }
}

/// Makes the rows of one group follow `segments`, which are in order and do not overlap.
fn change_group(
    existing: &[StoredTariff],
    group: (&str, Option<&str>),
    segments: &[Segment],
    now: Timestamp,
    plan: &mut Plan,
) {
    let mut live: Vec<(usize, &StoredTariff)> =
        members(existing, group).filter(|(_, tariff)| is_live(tariff, now)).collect();
    for segment in segments {
        let is_over = segment.until.is_some_and(|until| until <= now);
        let has_opened =
            members(existing, group).any(|(_, row)| row.valid_from == segment.from && !is_withdrawn(row));
        let same = live.iter().position(|(_, row)| {
            !is_over
                && row.prices == segment.prices
                && (row.valid_from == segment.from || row.valid_from.max(segment.from) <= now)
        });
        if let Some(position) = same {
            let (index, row) = live.remove(position);
            if row.valid_until == segment.until {
                plan.unchanged += 1;
            } else {
                plan.ends.push((index, segment.until));
            }
            if segment.from < row.valid_from && !has_opened {
                plan.openings.push(Segment { until: Some(row.valid_from), ..segment.clone() });
            }
        } else if !has_opened {
            plan.openings.push(segment.clone());
        } else if is_over {
            // History stays as it was.
            plan.unchanged += 1;
        } else {
            // The same opening at other prices is a change, and a change opens now.
            plan.openings.push(Segment { from: segment.from.max(now), ..segment.clone() });
        }
    }
    // Whatever is left is not wanted: it closes now, or is withdrawn before it came into force.
    plan.ends.extend(live.into_iter().map(|(index, row)| (index, Some(row.valid_from.max(now)))));
}

fn members<'a>(
    existing: &'a [StoredTariff],
    (purpose, window): (&'a str, Option<&'a str>),
) -> impl Iterator<Item = (usize, &'a StoredTariff)> {
    existing.iter().enumerate().filter(move |(_, tariff)| {
        tariff.purpose.as_str() == purpose && tariff.completion_window.as_deref() == window
    })
}

/// In force now or later.
fn is_live(tariff: &StoredTariff, now: Timestamp) -> bool {
    tariff.valid_until.is_none_or(|until| until > now) && !is_withdrawn(tariff)
}

/// Closed before it came into force.
fn is_withdrawn(tariff: &StoredTariff) -> bool {
    tariff.valid_until == Some(tariff.valid_from)
}
