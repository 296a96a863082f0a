//! A short run of byte slices that goes out in order.
//!
//! Nearly always it is one slice, which costs no allocation; more than one is the exception (a frame taken out
//! of the middle, a body that was held). Tiny slices are put together: a body that comes byte by byte costs its bytes, and not
//! a slice and a share of a read buffer for each.

use std::collections::VecDeque;

use bytes::{Bytes, BytesMut};

/// A slice shorter than this is copied behind the one before it; one of a kilobyte may as well be kept as it is.
const TINY: usize = 256;
/// Up to how many bytes are put together.
const TOGETHER: usize = 8 * 1024;

/// Slices of bytes in order, none of them empty.
#[derive(Clone, Default)]
pub struct Pieces {
    first: Bytes,
    rest: VecDeque<Bytes>,
    /// Tiny slices behind all others.
    together: BytesMut,
    length: usize,
}

impl Pieces {
    /// No bytes.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a slice at the end; an empty one is left out.
    pub fn push(&mut self, piece: Bytes) {
        self.length += piece.len();
        if piece.is_empty() {
        } else if self.first.is_empty() {
            self.first = piece;
        } else if piece.len() < TINY {
            if self.together.len() + piece.len() > TOGETHER {
                self.close_together();
            }
            self.together.extend_from_slice(&piece);
        } else {
            self.close_together();
            self.rest.push_back(piece);
        }
    }

    fn close_together(&mut self) {
        if !self.together.is_empty() {
            self.rest.push_back(std::mem::take(&mut self.together).freeze());
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
        self.length
    }

    /// Takes the first slice.
    pub fn pop_front(&mut self) -> Option<Bytes> {
        self.pop_front_within(usize::MAX)
    }

    /// Takes the first slice, or as much of it as is `within` so many bytes; `None` where that is nothing.
    pub(crate) fn pop_front_within(&mut self, within: usize) -> Option<Bytes> {
        if self.first.is_empty() || within == 0 {
            return None;
        }
        let piece = if within < self.first.len() {
            self.first.split_to(within)
        } else {
            let next = self.rest.pop_front().unwrap_or_else(|| std::mem::take(&mut self.together).freeze());
            std::mem::replace(&mut self.first, next)
        };
        self.length -= piece.len();
        Some(piece)
    }

    /// Moves the last slice of `from` to the end.
    pub(crate) fn extend_last(&mut self, from: &mut Self) {
        from.close_together();
        let last = from.rest.pop_back().unwrap_or_else(|| std::mem::take(&mut from.first));
        from.length -= last.len();
        self.push(last);
    }

    /// All of it as one slice; copies only where there is more than one.
    pub fn into_bytes(mut self) -> Bytes {
        if self.rest.is_empty() && self.together.is_empty() {
            return self.first;
        }
        let mut whole = BytesMut::with_capacity(self.len());
        while let Some(piece) = self.pop_front() {
            whole.extend_from_slice(&piece);
        }
        whole.freeze()
    }
}

/// The same bytes, however they are cut.
impl PartialEq for Pieces {
    fn eq(&self, other: &Self) -> bool {
        self.length == other.length && self.clone().into_bytes() == other.clone().into_bytes()
    }
}

impl Eq for Pieces {}

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

#[cfg(test)]
mod tests;
