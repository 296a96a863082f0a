//! What a request may cost, from what is known of it before it is sent.

use tollgate_domain::{Credits, PriceList, PricePerToken};

/// Bytes of a request's body for one token of its prompt: about what English text in JSON takes.
const BYTES_PER_TOKEN: u64 = 4;
/// What is assumed of an answer when nothing is known of such answers.
const FIRST_OUTPUT_TOKENS: u64 = 1024;

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Wanted {
    /// Its body. A token of text is a byte at least.
    pub(crate) body_bytes: u64,
    /// The limit of each answer, where the client sets one; zero where the surface gives none.
    pub(crate) max_output_tokens: Option<u64>,
    /// How many answers.
    pub(crate) choices: u64,
    /// Whether all of it was seen that says what it may cost, and nothing else adds to it.
    pub(crate) is_clear: bool,
    /// What nearly every such answer stayed under, where enough of them were seen.
    pub(crate) usual_output_tokens: Option<u64>,
}

/// What a request may cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Estimate {
    /// Most such requests cost no more.
    pub(crate) expected: Credits,
    /// The tokens of the answer in that, however many answers there are.
    pub(crate) expected_tokens: u64,
    /// A request of text costs no more, if it `is_bounded`; else it is a high guess.
    pub(crate) most: Credits,
    /// Of that, the prompt.
    pub(crate) prompt: Credits,
    /// What a token of the answer may cost.
    pub(crate) per_token: PricePerToken,
    /// Whether the client has set a limit, and nothing is beyond it.
    pub(crate) is_bounded: bool,
}

/// At the prices in force.
pub(crate) fn estimate(wanted: &Wanted, prices: &PriceList) -> Estimate {
    let Wanted { body_bytes, max_output_tokens, choices, is_clear, usual_output_tokens } = *wanted;
    let (input, output) = (prices.input_price, prices.output_price);
    let dearest_input = dearest(
        input,
        [
            prices.cache_read_price,
            prices.cache_write_5m_price,
            prices.cache_write_1h_price,
            prices.audio_input_price,
            prices.image_input_price,
        ],
    );
    let dearest_output = dearest(output, [prices.reasoning_price, prices.audio_output_price]);
    let usual = usual_output_tokens.unwrap_or(FIRST_OUTPUT_TOKENS);
    let most_output = max_output_tokens.unwrap_or_else(|| usual.max(FIRST_OUTPUT_TOKENS).saturating_mul(4));
    let request = prices.request_price.unwrap_or(PricePerToken::ZERO);
    let sum = |prompt: u64, input: PricePerToken, answer: u64, output: PricePerToken| {
        let tokens =
            |tokens: u64, price: PricePerToken| i128::from(tokens).saturating_mul(i128::from(price.pico()));
        let pico = tokens(prompt, input)
            .saturating_add(tokens(answer.saturating_mul(choices), output))
            .saturating_add(i128::from(request.pico()));
        // A charge cannot be more than this; see `tollgate_domain::charge`.
        Credits::from_pico(pico.min(i128::from(i64::MAX))).unwrap_or(Credits::ZERO)
    };
    let answer = usual.min(most_output);
    let expected = sum(body_bytes.div_ceil(BYTES_PER_TOKEN), input, answer, output);
    let most = sum(body_bytes, dearest_input, most_output, dearest_output);
    let prompt = sum(body_bytes, dearest_input, 0, dearest_output);
    let is_bounded = is_clear && max_output_tokens.is_some();
    Estimate {
        expected: expected.min(most),
        expected_tokens: answer.saturating_mul(choices),
        most,
        prompt,
        per_token: dearest_output,
        is_bounded,
    }
}

fn dearest<const N: usize>(price: PricePerToken, others: [Option<PricePerToken>; N]) -> PricePerToken {
    others.into_iter().flatten().fold(price, PricePerToken::max)
}

#[cfg(test)]
mod tests;
