#![doc = include_str!("../README.md")]
#![cfg_attr(
    not(test),
    deny(clippy::float_arithmetic, clippy::arithmetic_side_effects, clippy::as_conversions)
)]

mod charge;
mod clock;
mod cost_bounds;
mod credential;
mod digest;
mod ids;
mod money;
mod network;
mod origin;
mod rating;
mod record;
mod tariff;
mod tokens;
mod window;

pub use charge::{ChargeError, ChargeLine, PriceList, charge, charge_lines};
pub use clock::{Clock, ManualClock, truncate_to_micros};
pub use cost_bounds::{CostBounds, UsageSums, cost_bounds};
pub use credential::{ApiKeySecret, KeyDigest, MasterKey, MasterKeyError, Pepper};
pub use digest::{DigestKey, RecordDigest};
pub use ids::{ApiKeyId, CorrelationId, EndpointId, InstanceId, ModelId, TariffId, UserId, WebhookId};
pub use money::{Credits, MoneyError, PricePerToken};
pub use network::{AddressRefused, AllowedNetworks, InvalidNetwork, Network};
pub use origin::{AccessSource, ApiKeyPurpose, RequestOrigin, UnknownPurpose};
pub use rating::{Rated, RatingError, RatingFacts, UsageState, rate};
pub use record::{Batch, Credential, Outcome, RawAnalyticsRecord, UsageSource};
pub use tariff::{Tariff, find_best_tariff};
pub use tokens::{StatedUsage, TokenCount, TokenCountError, TokenUsage};
pub use window::{SpendWindow, end_of_day, start_of_day, utc_day};
