//! An incremental JSON scanner: any chunking, no recursion, no allocation, a bound on depth.
//!
//! It says where values begin and end and keeps none of them; who wants bytes copies them as they pass. It
//! checks the structure (brackets, commas, colons, quotes, what a scalar may start with and consist of); it
//! does not check UTF-8, the inside of numbers or raw control characters in strings. Whoever parses the value
//! itself finds those.

/// How deep objects and arrays may nest. Parsers give up between 100 and 1000; a client that nests deeper is
/// not asking a model anything.
pub(crate) const MAX_DEPTH: usize = 1024;

/// Why bytes are not JSON.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JsonError {
    /// A byte that cannot come here.
    #[error("the byte at position {position} is not allowed there")]
    Unexpected {
        /// Counted from the start of the document.
        position: u64,
    },
    /// Nested deeper than [`MAX_DEPTH`].
    #[error("objects and arrays are nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// The document ended inside a value.
    #[error("it ends in the middle")]
    Incomplete,
}

/// Where something begins or ends. The position is the `at` that [`Scanner::next`] leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Event {
    /// Just after `{` or `[`.
    Open { object: bool },
    /// Just after `}` or `]`.
    Close,
    /// Just after the opening quote of a key.
    KeyStart,
    /// Just after the closing quote of a key.
    KeyEnd,
    /// Just after the opening quote of a string value.
    StringStart,
    /// Just after the closing quote of a string value.
    StringEnd,
    /// Just after the first byte of a number, `true`, `false` or `null`.
    ScalarStart,
    /// Just before the byte that ended the scalar.
    ScalarEnd,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Value,
    ValueOrClose,
    KeyOrClose,
    Key,
    Colon,
    After,
    String { key: bool },
    Escape { key: bool },
    Scalar,
}

/// The scanner. Feed it the chunks of one document, in order.
#[derive(Debug, Clone)]
pub(crate) struct Scanner {
    state: State,
    depth: usize,
    /// One bit per level: set for an object.
    objects: [u64; MAX_DEPTH / 64],
    /// Bytes of the chunks before this one.
    before: u64,
}

impl Default for Scanner {
    fn default() -> Self {
        Self { state: State::Value, depth: 0, objects: [0; MAX_DEPTH / 64], before: 0 }
    }
}

impl Scanner {
    /// How many objects and arrays are open.
    pub(crate) const fn depth(&self) -> usize {
        self.depth
    }

    /// Whether the document has had its end. A bare number at the root ends only with the input.
    pub(crate) const fn is_complete(&self) -> bool {
        self.depth == 0 && matches!(self.state, State::After | State::Scalar)
    }

    /// Whether the scanner is before the first byte of the document.
    pub(crate) const fn is_empty(&self) -> bool {
        self.depth == 0 && matches!(self.state, State::Value)
    }

    /// Scans on from `at` to the next event whose value lies in a container no deeper than `max_depth` (the
    /// root value lies in depth 0). `None`: the chunk is used up, call again with the next one and `at` 0.
    pub(crate) fn next(
        &mut self,
        chunk: &[u8],
        at: &mut usize,
        max_depth: usize,
    ) -> Result<Option<Event>, JsonError> {
        while let Some((event, depth)) = self.step(chunk, at)? {
            if depth <= max_depth {
                return Ok(Some(event));
            }
        }
        self.before += chunk.len() as u64;
        Ok(None)
    }

    /// The next event, and the depth of the container that its value lies in.
    fn step(&mut self, chunk: &[u8], at: &mut usize) -> Result<Option<(Event, usize)>, JsonError> {
        loop {
            match self.state {
                State::String { key } => {
                    let rest = chunk.get(*at..).unwrap_or_default();
                    let Some(found) = memchr::memchr2(b'"', b'\\', rest) else {
                        *at = chunk.len();
                        return Ok(None);
                    };
                    *at += found + 1;
                    if rest[found] == b'\\' {
                        self.state = State::Escape { key };
                    } else {
                        self.state = if key { State::Colon } else { State::After };
                        let event = if key { Event::KeyEnd } else { Event::StringEnd };
                        return Ok(Some((event, self.depth)));
                    }
                }
                State::Escape { key } => {
                    // What follows in `\u1234` are plain characters to the scanner.
                    let Some(&byte) = chunk.get(*at) else { return Ok(None) };
                    if !matches!(byte, b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' | b'u') {
                        return Err(self.unexpected(*at));
                    }
                    *at += 1;
                    self.state = State::String { key };
                }
                State::Scalar => {
                    let rest = chunk.get(*at..).unwrap_or_default();
                    match rest.iter().position(|&byte| !is_scalar(byte)) {
                        None => {
                            *at = chunk.len();
                            return Ok(None);
                        }
                        Some(length) => {
                            *at += length;
                            self.state = State::After;
                            return Ok(Some((Event::ScalarEnd, self.depth)));
                        }
                    }
                }
                _ => {
                    let Some(&byte) = chunk.get(*at) else { return Ok(None) };
                    if matches!(byte, b' ' | b'\n' | b'\r' | b'\t') {
                        *at += 1;
                    } else if let Some(event) = self.structure(byte, *at)? {
                        *at += 1;
                        return Ok(Some(event));
                    } else {
                        *at += 1;
                    }
                }
            }
        }
    }

    /// One byte between values.
    fn structure(&mut self, byte: u8, at: usize) -> Result<Option<(Event, usize)>, JsonError> {
        let depth = self.depth;
        match (self.state, byte) {
            (State::Value | State::ValueOrClose, b'{' | b'[') => {
                self.open(byte == b'{')?;
                Ok(Some((Event::Open { object: byte == b'{' }, depth)))
            }
            (State::Value | State::ValueOrClose, b'"') => {
                self.state = State::String { key: false };
                Ok(Some((Event::StringStart, depth)))
            }
            (State::Value | State::ValueOrClose, b'-' | b'0'..=b'9' | b't' | b'f' | b'n') => {
                self.state = State::Scalar;
                Ok(Some((Event::ScalarStart, depth)))
            }
            (State::Key | State::KeyOrClose, b'"') => {
                self.state = State::String { key: true };
                Ok(Some((Event::KeyStart, depth)))
            }
            (State::Colon, b':') => {
                self.state = State::Value;
                Ok(None)
            }
            (State::After, b',') if depth > 0 => {
                self.state = if self.in_object() { State::Key } else { State::Value };
                Ok(None)
            }
            (State::After | State::KeyOrClose, b'}') if depth > 0 && self.in_object() => {
                Ok(Some(self.close()))
            }
            (State::After | State::ValueOrClose, b']') if depth > 0 && !self.in_object() => {
                Ok(Some(self.close()))
            }
            _ => Err(self.unexpected(at)),
        }
    }

    fn open(&mut self, object: bool) -> Result<(), JsonError> {
        let word = self.objects.get_mut(self.depth / 64).ok_or(JsonError::TooDeep)?;
        let bit = 1 << (self.depth % 64);
        if object {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        self.depth += 1;
        self.state = if object { State::KeyOrClose } else { State::ValueOrClose };
        Ok(())
    }

    fn close(&mut self) -> (Event, usize) {
        self.depth -= 1;
        self.state = State::After;
        (Event::Close, self.depth)
    }

    fn in_object(&self) -> bool {
        let level = self.depth - 1;
        self.objects[level / 64] & (1 << (level % 64)) != 0
    }

    fn unexpected(&self, at: usize) -> JsonError {
        JsonError::Unexpected { position: self.before + at as u64 }
    }
}

fn is_scalar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.')
}

#[cfg(test)]
pub(crate) mod tests;
