//! A short run of byte slices that goes out in order.
//!
//! Nearly always it is one slice, which costs no allocation; more than one is the exception (a frame taken out
//! of the middle, a body that was held).

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// Slices of bytes in order, none of them empty.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Pieces {
    first: Bytes,
    rest: VecDeque<Bytes>,
    /// Of all of them: whoever bounds what waits asks after each chunk, and there may be very many small ones.
    len: usize,
}

impl Pieces {
    /// No bytes.
    pub const fn new() -> Self {
        Self { first: Bytes::new(), rest: VecDeque::new(), len: 0 }
    }

    /// Adds a slice at the end; an empty one is left out.
    pub fn push(&mut self, piece: Bytes) {
        self.len += piece.len();
        if piece.is_empty() {
        } else if self.first.is_empty() {
            self.first = piece;
        } else {
            self.rest.push_back(piece);
        }
    }

    /// Adds all of `other` at the end.
    pub fn append(&mut self, other: Self) {
        for piece in other {
            self.push(piece);
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty()
    }

    /// Number of bytes.
    pub const fn len(&self) -> usize {
        self.len
    }

    /// Takes the first slice.
    pub fn pop_front(&mut self) -> Option<Bytes> {
        if self.first.is_empty() {
            return None;
        }
        let next = self.rest.pop_front().unwrap_or_default();
        let first = std::mem::replace(&mut self.first, next);
        self.len -= first.len();
        Some(first)
    }

    /// Moves the last slice of `from` to the end.
    pub(crate) fn extend_last(&mut self, from: &mut Self) {
        let last = from.rest.pop_back().unwrap_or_else(|| std::mem::take(&mut from.first));
        from.len -= last.len();
        self.push(last);
    }

    /// All of it as one slice; copies only where there is more than one.
    pub fn into_bytes(mut self) -> Bytes {
        if self.rest.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(self.len());
        while let Some(piece) = self.pop_front() {
            whole.extend_from_slice(&piece);
        }
        whole.freeze()
    }
}

/// It never shows what it holds: that is a prompt or an answer.
impl std::fmt::Debug for Pieces {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pieces({} bytes)", self.len())
    }
}

impl IntoIterator for Pieces {
    type Item = Bytes;
    type IntoIter = IntoIter;

    fn into_iter(self) -> IntoIter {
        IntoIter(self)
    }
}

/// The slices of a [`Pieces`], first to last.
#[derive(Debug)]
pub struct IntoIter(Pieces);

impl Iterator for IntoIter {
    type Item = Bytes;

    fn next(&mut self) -> Option<Bytes> {
        self.0.pop_front()
    }
}
