//! Reading the most tokens that Gemini may answer with out of its `generationConfig`, which may hold a schema of any length.

use crate::wire::json::{Event, Scanner};

/// The longest key that can be the one, raw: every character of `max_output_tokens` as `\u0000`, with room.
const KEY_LIMIT: usize = 128;
/// The longest number that is read. 64 bits have 20 digits.
const VALUE_LIMIT: usize = 32;

/// Takes the bytes of the value in whatever chunks they come. What is no JSON is found by whoever scans the whole.
#[derive(Default)]
pub(super) struct GenerationConfig {
    scanner: Scanner,
    part: Part,
    key: Vec<u8>,
    value: Vec<u8>,
    max_output_tokens: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Part {
    #[default]
    Other,
    Key,
    /// After the key that is looked for.
    Found,
    Value,
}

impl GenerationConfig {
    pub(super) fn push(&mut self, bytes: &[u8]) {
        let mut at = 0;
        loop {
            let from = at;
            let Ok(event) = self.scanner.next(bytes, &mut at, 1) else { return };
            self.capture(&bytes[from..at]);
            match event {
                Some(Event::KeyStart) => {
                    self.key.clear();
                    self.part = Part::Key;
                }
                Some(Event::KeyEnd) => {
                    self.part = if self.is_looked_for() { Part::Found } else { Part::Other }
                }
                Some(Event::ScalarStart | Event::StringStart) if self.part == Part::Found => {
                    self.value.clear();
                    self.value.push(bytes[at - 1]);
                    self.part = Part::Value;
                }
                Some(Event::ScalarEnd | Event::StringEnd) if self.part == Part::Value => {
                    self.max_output_tokens = self.max_output_tokens.max(read(&self.value));
                    self.part = Part::Other;
                }
                Some(_) => self.part = Part::Other,
                None => return,
            }
        }
    }

    /// The largest that was stated.
    pub(super) const fn max_output_tokens(&self) -> Option<u64> {
        self.max_output_tokens
    }

    fn capture(&mut self, bytes: &[u8]) {
        let (kept, limit) = match self.part {
            Part::Key => (&mut self.key, KEY_LIMIT),
            Part::Value => (&mut self.value, VALUE_LIMIT),
            Part::Other | Part::Found => return,
        };
        // One over the limit is enough to know that it is not the one.
        let room = (limit + 1).saturating_sub(kept.len());
        kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Google's APIs take the names of fields in both spellings.
    fn is_looked_for(&self) -> bool {
        // The closing quote was captured too.
        let quoted = [b"\"", self.key.as_slice()].concat();
        serde_json::from_slice::<String>(&quoted)
            .is_ok_and(|key| matches!(key.as_str(), "maxOutputTokens" | "max_output_tokens"))
    }
}

/// A whole number, which Google's APIs take in a string as well.
fn read(value: &[u8]) -> Option<u64> {
    match serde_json::from_slice(value).ok()? {
        serde_json::Value::Number(number) => number.as_u64(),
        serde_json::Value::String(text) => text.parse().ok(),
        _ => None,
    }
}
