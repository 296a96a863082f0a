//! Drives the tap over one response, and what holds for every response whatever it says.

use bytes::Bytes;
use tollgate_domain::{Credits, PriceList, PricePerToken, TokenUsage, UsageSource};

use crate::input::{Bytes as Shown, Input};
use crate::usage::decode::ContentEncoding;
use crate::usage::tap::{BodyEnd, HELD_LIMIT, ResponseHead, ResponseTap};
use crate::usage::{Observed, ObservedFlags};
use crate::wire::{Pieces, Surface};

/// The most of a frame that waits for its end: the tap's own bound, which is private to it.
const FRAME_LIMIT: usize = 256 * 1024;

/// What came of one response.
#[derive(Debug)]
pub(crate) struct Tapped {
    /// All that went to the client, in order.
    pub(crate) out: Shown,
    /// The part of it that waited for the end.
    pub(crate) held: Shown,
    pub(crate) observed: Observed,
}

impl Tapped {
    /// All that was observed but how it went with the encoding and the limits, as text.
    pub(crate) fn facts(&self) -> String {
        let mut observed = self.observed.clone();
        let cache_write_as_input = observed.flags.cache_write_as_input;
        observed.flags = ObservedFlags { cache_write_as_input, ..ObservedFlags::default() };
        format!("{observed:?}")
    }

    /// What is charged by. All that has to hold where a frame is beyond the limit: how much of it was seen depends on how it came.
    pub(crate) fn charged_by(&self) -> String {
        let Observed { usage, usage_source, response_model, finish_reason, is_error, .. } = &self.observed;
        format!("{usage:?} {usage_source:?} {response_model:?} {finish_reason:?} {is_error}")
    }
}

/// The head of the response that an input is about, by its options: the surface, the status, how it ends.
pub(crate) fn head<'a>(
    input: &Input<'_>,
    content_type: Option<&'a str>,
) -> (Surface, ResponseHead<'a>, BodyEnd) {
    let surface = input.choose(0, &Surface::ALL);
    let head = ResponseHead {
        status: input.choose(1, &[200, 206, 400, 500]),
        content_type,
        ..ResponseHead::default()
    };
    (surface, head, input.choose(2, &[BodyEnd::Complete, BodyEnd::Cut, BodyEnd::Abandoned]))
}

/// Reads `chunks` as one response.
///
/// Of every response: the first content is told once, what is over stays over, what waits is bounded, and the counts can be priced
/// or are refused by name.
pub(crate) fn tap(surface: Surface, head: ResponseHead<'_>, end: BodyEnd, chunks: &[&[u8]]) -> Tapped {
    let mut tap = ResponseTap::new(surface, head);
    let (mut out, mut pushed, mut contents, mut terminal) = (Pieces::new(), 0, 0, false);
    for chunk in chunks {
        let tapped = tap.push(Bytes::copy_from_slice(chunk));
        out.append(tapped.flow);
        pushed += chunk.len();
        contents += u32::from(tapped.first_content);
        assert!(tapped.terminal || !terminal, "what was over goes on");
        terminal = tapped.terminal;
        let withheld = if head.injected_usage { pushed } else { 0 };
        assert!(
            pushed <= out.len() + withheld + FRAME_LIMIT + HELD_LIMIT + chunk.len(),
            "{} of {pushed} bytes wait",
            pushed - out.len()
        );
    }
    assert!(contents <= 1, "the first content came {contents} times");
    let finished = tap.finish(end);
    let held = finished.held.into_bytes().to_vec();
    let out = Shown([&out.into_bytes(), held.as_slice()].concat());
    check_counts(&finished.observed);
    if ContentEncoding::parse(head.content_encoding) == ContentEncoding::Identity {
        assert!(!finished.observed.flags.undecodable && !finished.observed.flags.unknown_encoding);
    }
    Tapped { out, held: Shown(held), observed: finished.observed }
}

/// The counts split into kinds that sum up to what was stated, each of them in the range of the books, or are refused because one of
/// them is not.
fn check_counts(observed: &Observed) {
    let usage = &observed.usage;
    assert_eq!(usage.is_known(), observed.usage_source != UsageSource::None, "{observed:?}");
    assert!(!observed.wants_estimate() || observed.usage_source == UsageSource::None);
    let names = [&observed.response_model, &observed.finish_reason];
    assert!(names.into_iter().flatten().all(|name| !name.is_empty() && name.len() <= 200));
    let stated = [
        usage.prompt_tokens.unwrap_or(0),
        usage.completion_tokens.unwrap_or(0),
        usage.total_tokens.unwrap_or(0),
        usage.reasoning_tokens,
        usage.cache_read_tokens,
        usage.cache_write_5m_tokens,
        usage.cache_write_1h_tokens,
        usage.audio_input_tokens,
        usage.audio_output_tokens,
        usage.image_input_tokens,
    ];
    let fits = stated.iter().all(|count| (0..=i64::from(i32::MAX)).contains(count));
    let Ok((split, _)) = TokenUsage::split(usage) else {
        assert!(!fits, "refused, and nothing is out of range: {usage:?}");
        return;
    };
    assert!(fits, "taken, and something is out of range: {usage:?}");
    let sum =
        |kinds: &[tollgate_domain::TokenCount]| kinds.iter().map(|count| i64::from(count.get())).sum::<i64>();
    let input = sum(&[
        split.uncached_input,
        split.cache_read,
        split.cache_write_5m,
        split.cache_write_1h,
        split.audio_input,
        split.image_input,
    ]);
    let output = sum(&[split.output, split.reasoning, split.audio_output]);
    assert_eq!((input, output), (stated[0], stated[1]), "{split:?}");
    let pico = PricePerToken::from_pico(1).unwrap();
    let prices = PriceList { input_price: pico, output_price: pico, ..PriceList::default() };
    let charged = tollgate_domain::charge(&split, &prices).map(Credits::pico);
    assert_eq!(charged, Ok(i128::from(input + output)), "each token is paid once");
}
