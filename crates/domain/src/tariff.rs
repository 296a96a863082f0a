//! Versioned prices, and the choice of the one that was in force.

use jiff::Timestamp;

use crate::{ApiKeyPurpose, ModelId, PriceList, TariffId};

/// One version of a model's prices for a purpose, and for one completion window or any.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tariff {
    /// Identifies this version.
    pub id: TariffId,
    /// Whose prices these are.
    pub model: ModelId,
    /// For keys of this purpose.
    pub purpose: ApiKeyPurpose,
    /// For batches with exactly this completion window (`24h`); `None` is the generic price.
    pub completion_window: Option<String>,
    /// The prices.
    pub prices: PriceList,
    /// In force from this instant on.
    pub valid_from: Timestamp,
    /// In force until just before this instant; `None` is open.
    pub valid_until: Option<Timestamp>,
}

impl Tariff {
    /// `valid_from <= at < valid_until`.
    pub fn is_valid_at(&self, at: Timestamp) -> bool {
        self.valid_from <= at && self.valid_until.is_none_or(|until| at < until)
    }
}

/// The tariff for a request at `at`, among all versions of one model's tariffs, expired and future ones included.
///
/// Of those valid at that time, newest first: (1) the purpose with exactly this window; (2) the purpose with
/// no window; (3) realtime with no window. Never another window's price. No purpose reads as realtime.
pub fn find_best_tariff<'a, I>(
    tariffs: I,
    purpose: Option<ApiKeyPurpose>,
    completion_window: Option<&str>,
    at: Timestamp,
) -> Option<&'a Tariff>
where
    I: IntoIterator<Item = &'a Tariff>,
{
    let purpose = purpose.unwrap_or_default();
    let rank = |tariff: &Tariff| {
        let window = tariff.completion_window.as_deref();
        if window.is_some() && (window != completion_window || tariff.purpose != purpose) {
            None
        } else if tariff.purpose == purpose {
            Some(if window.is_some() { 3_u8 } else { 2 })
        } else if tariff.purpose == ApiKeyPurpose::Realtime {
            Some(1)
        } else {
            None
        }
    };
    tariffs
        .into_iter()
        .filter(|tariff| tariff.is_valid_at(at))
        .filter_map(|tariff| rank(tariff).map(|rank| ((rank, tariff.valid_from, tariff.id), tariff)))
        .max_by_key(|(order, _)| *order)
        .map(|(_, tariff)| tariff)
}

#[cfg(test)]
mod tests;
