//! `tollgate cost …`: what may be asked of the prices that upstreams ask.

use clap::{Args, Subcommand};
use tollgate_store::model_costs::CostPrices;

use super::PriceArgs;

/// `tollgate cost …`.
#[derive(Debug, Subcommand)]
pub enum CostCommand {
    /// Set what a model costs from some hour on, until its next price. What was set for that hour before is replaced: reports of the past are
    /// worked out anew, and no charge is touched.
    Set(Box<CostSetArgs>),
    /// What models cost, have cost and will cost.
    List {
        /// Alias of one model, or its id, by which a deleted one is found too.
        alias: Option<String>,
    },
    /// Take the price away that begins at some hour: the one before it goes on.
    Remove {
        /// Alias of the model, or its id, by which a deleted one is found too.
        alias: String,
        /// When it begins, as `cost list` shows it.
        #[arg(long, value_name = "T")]
        valid_from: String,
    },
}

/// `tollgate cost set`. Prices are credits per token, in decimal: 0.00001.
#[derive(Debug, Clone, Args)]
pub struct CostSetArgs {
    /// Alias of the model, or its id, by which a deleted one is found too.
    pub alias: String,
    /// The prices.
    #[command(flatten)]
    pub prices: PriceArgs,
    /// In force from this hour on, a full one of UTC: 2026-01-31T12:00:00Z or 2026-01-31 [default: the hour that has begun].
    #[arg(long, value_name = "T")]
    pub valid_from: Option<String>,
}

impl CostSetArgs {
    /// The prices that were given.
    pub const fn prices(&self) -> CostPrices {
        let PriceArgs {
            input_price,
            output_price,
            cache_read_price,
            cache_write_price,
            reasoning_price,
            request_price,
        } = self.prices;
        CostPrices {
            input_price,
            output_price,
            cache_read_price,
            cache_write_price,
            reasoning_price,
            request_price,
        }
    }
}
