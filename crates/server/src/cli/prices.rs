//! The prices that both `tariff set` and `cost set` take, under the same names. Credits per token, in decimal: 0.00001.

use clap::Args;
use tollgate_domain::PricePerToken;

/// Of every kind that a tariff and a cost tell apart alike.
#[derive(Debug, Clone, Copy, Args)]
pub struct PriceArgs {
    /// Per input token.
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub input_price: PricePerToken,
    /// Per output token.
    #[arg(long, value_name = "Y", allow_negative_numbers = true)]
    pub output_price: PricePerToken,
    /// Per input token read from a cache [default: the input price].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub cache_read_price: Option<PricePerToken>,
    /// Per input token written to a cache; where lifetimes are told apart, to one of five minutes [default: the input price].
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub cache_write_price: Option<PricePerToken>,
    /// Per output token of reasoning [default: the output price].
    #[arg(long, value_name = "Y", allow_negative_numbers = true)]
    pub reasoning_price: Option<PricePerToken>,
    /// For each request that did not fail, whatever its tokens [default: nothing].
    #[arg(long, value_name = "Z", allow_negative_numbers = true)]
    pub request_price: Option<PricePerToken>,
}
