//! `tollgate cost …`: what may be asked of the prices that upstreams ask.

use clap::{Args, Subcommand};
use tollgate_domain::PricePerToken;
use tollgate_store::model_costs::CostPrices;

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
    /// Per input token.
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub input_price: PricePerToken,
    /// Per output token.
    #[arg(long, value_name = "Y", allow_negative_numbers = true)]
    pub output_price: PricePerToken,
    /// Per input token read from a cache [default: the input price].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub cache_read_price: Option<PricePerToken>,
    /// Per input token written to a cache [default: the input price].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub cache_write_price: Option<PricePerToken>,
    /// Per output token of reasoning [default: the output price].
    #[arg(long, value_name = "Y", allow_negative_numbers = true)]
    pub reasoning_price: Option<PricePerToken>,
    /// For each request that did not fail, whatever its tokens [default: nothing].
    #[arg(long, value_name = "Z", allow_negative_numbers = true)]
    pub request_price: Option<PricePerToken>,
    /// In force from this hour on, a full one of UTC: 2026-01-31T12:00:00Z or 2026-01-31 [default: the hour that has begun].
    #[arg(long, value_name = "T")]
    pub valid_from: Option<String>,
}

impl CostSetArgs {
    /// The prices that were given.
    pub const fn prices(&self) -> CostPrices {
        CostPrices {
            input_price: self.input_price,
            output_price: self.output_price,
            cache_read_price: self.cache_read_price,
            cache_write_price: self.cache_write_price,
            reasoning_price: self.reasoning_price,
            request_price: self.request_price,
        }
    }
}
