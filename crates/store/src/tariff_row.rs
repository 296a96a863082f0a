//! Prices as columns of `model_tariffs`, in one order for reading and writing.

use rust_decimal::Decimal;
use tokio_postgres::Row;
use tollgate_domain::{Credits, PriceList, PricePerToken};

use crate::StoreError;

/// The price columns, in the order of [`price_values`].
pub(crate) const PRICE_COLUMNS: &str = "input_price, output_price, cache_read_price, cache_write_5m_price, \
     cache_write_1h_price, audio_input_price, image_input_price, reasoning_price, audio_output_price, request_price";

/// Reads the columns of [`PRICE_COLUMNS`], by name.
pub(crate) fn prices_from_row(row: &Row) -> Result<PriceList, StoreError> {
    let optional = |column: &str| -> Result<Option<PricePerToken>, StoreError> {
        let stored: Option<Decimal> = row.try_get(column)?;
        stored.map(|decimal| Ok(PricePerToken::try_from(Credits::try_from(decimal)?)?)).transpose()
    };
    Ok(PriceList {
        input_price: optional("input_price")?.unwrap_or_default(),
        output_price: optional("output_price")?.unwrap_or_default(),
        cache_read_price: optional("cache_read_price")?,
        cache_write_5m_price: optional("cache_write_5m_price")?,
        cache_write_1h_price: optional("cache_write_1h_price")?,
        audio_input_price: optional("audio_input_price")?,
        image_input_price: optional("image_input_price")?,
        reasoning_price: optional("reasoning_price")?,
        audio_output_price: optional("audio_output_price")?,
        request_price: optional("request_price")?,
    })
}

/// The values of [`PRICE_COLUMNS`].
pub(crate) fn price_values(prices: &PriceList) -> [Option<Decimal>; 10] {
    let decimal = |price: PricePerToken| Credits::from(price).to_decimal();
    [
        Some(decimal(prices.input_price)),
        Some(decimal(prices.output_price)),
        prices.cache_read_price.map(decimal),
        prices.cache_write_5m_price.map(decimal),
        prices.cache_write_1h_price.map(decimal),
        prices.audio_input_price.map(decimal),
        prices.image_input_price.map(decimal),
        prices.reasoning_price.map(decimal),
        prices.audio_output_price.map(decimal),
        prices.request_price.map(decimal),
    ]
}
