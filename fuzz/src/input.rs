//! How an input is laid out: a line of options, then the bytes under test.
//!
//! The first eight characters are options, one each; the ninth ends the line. A missing one is `0`. An option chooses among `n` things by
//! its distance from `0`, modulo `n`, so that seeds can be written by hand and every byte means something.

use std::borrow::Cow;

/// Where the body begins.
const OPTIONS: usize = 8;
/// Stands for a long run of letters, where an option asks for one: limits of many kilobytes are met by small inputs.
const FILL: &[u8] = b"<<fill>>";
/// The lengths of that run: none, and one beyond each of the limits under test.
const FILL_BYTES: [usize; 8] = [0, 70, 2_100, 4_200, 33_000, 140_000, 270_000, 600_000];
/// Up to this length a body is also read in single bytes.
const SINGLE_BYTES_LIMIT: usize = 8 * 1024;
/// How many bytes a panic shows.
const MOST_SHOWN: usize = 2_000;

/// One input, taken apart.
#[derive(Debug, Clone)]
pub(crate) struct Input<'a> {
    options: [u8; OPTIONS],
    rest: &'a [u8],
}

impl<'a> Input<'a> {
    pub(crate) fn new(input: &'a [u8]) -> Self {
        let (line, rest) = input.split_at(input.len().min(OPTIONS));
        let mut options = [b'0'; OPTIONS];
        options[..line.len()].copy_from_slice(line);
        Self { options, rest: rest.get(1..).unwrap_or_default() }
    }

    /// Which of `n` things the option at this place chooses.
    pub(crate) fn option(&self, place: usize, n: usize) -> usize {
        usize::from(self.options[place].wrapping_sub(b'0')) % n
    }

    pub(crate) fn choose<T: Copy>(&self, place: usize, among: &[T]) -> T {
        among[self.option(place, among.len())]
    }

    /// The bytes under test as they stand.
    pub(crate) fn raw(&self) -> &'a [u8] {
        self.rest
    }

    /// The bytes under test; the option at this place says how long the run is that stands for the first `<<fill>>`.
    pub(crate) fn filled(&self, place: usize) -> Cow<'a, [u8]> {
        let length = self.choose(place, &FILL_BYTES);
        match memchr::memmem::find(self.rest, FILL) {
            Some(at) if length > 0 => {
                let (before, after) = (&self.rest[..at], &self.rest[at + FILL.len()..]);
                Cow::Owned([before, &vec![b'a'; length], after].concat())
            }
            _ => Cow::Borrowed(self.rest),
        }
    }

    /// Some ways in which `body` can come: in single bytes, in two halves, and in pieces of the lengths that the last two options say.
    pub(crate) fn ways<'b>(&self, body: &'b [u8]) -> Vec<Vec<&'b [u8]>> {
        let mut ways = Vec::new();
        if body.len() <= SINGLE_BYTES_LIMIT {
            ways.push(body.chunks(1).collect());
        }
        let seed = u64::from(self.options[OPTIONS - 2]) << 8 | u64::from(self.options[OPTIONS - 1]);
        let mut random = Random(seed);
        let at = random.below(body.len() + 1);
        ways.push(vec![&body[..at], &body[at..]]);
        let mean = [2, 5, 17, 60, 1_000, 40_000][random.below(6)].max(body.len() / 4_000);
        let (mut pieces, mut rest) = (Vec::new(), body);
        while !rest.is_empty() {
            let (piece, after) = rest.split_at(random.below(2 * mean).min(rest.len()));
            pieces.push(piece);
            rest = after;
        }
        ways.push(pieces);
        ways
    }
}

/// Bytes that show themselves as text, and only their beginning.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl std::fmt::Debug for Bytes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} bytes: {}", self.0.len(), self.0[..self.0.len().min(MOST_SHOWN)].escape_ascii())
    }
}

impl PartialEq<[u8]> for Bytes {
    fn eq(&self, other: &[u8]) -> bool {
        self.0 == other
    }
}

/// A sequence that looks random and follows from its seed (SplitMix64).
#[derive(Debug, Clone)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `n`, which is not 0.
    pub(crate) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() % n as u64).unwrap_or(0)
    }
}
