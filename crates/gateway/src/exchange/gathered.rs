//! What came of an answer since the last write to its client, in one slice.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};

/// What is gathered of an answer that comes quickly, before it goes on: enough that a write to the client costs little beside it.
const GATHERED_BYTES: usize = 16 * 1024;
/// The longest for which what has been gathered waits while more comes turn by turn: nothing that a reader sees, and on a busy machine, where turns
/// are far apart, one of them.
const GATHERED_FOR: Duration = Duration::from_millis(2);

/// A chunk that came alone is passed on as it is; others are copied together. The room for them grows with them: a client that reads slowly is
/// bounded by what it has not read, so little of that must not hold much memory.
pub(super) struct Gathered {
    first: Bytes,
    all: BytesMut,
    /// When the first came.
    since: Instant,
}

impl Gathered {
    pub(super) fn new() -> Self {
        Self { first: Bytes::new(), all: BytesMut::new(), since: Instant::now() }
    }

    pub(super) fn push(&mut self, piece: Bytes) {
        if self.is_empty() {
            self.first = piece;
            self.since = Instant::now();
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(self.first.len() + piece.len());
            self.all.extend_from_slice(&std::mem::take(&mut self.first));
        }
        self.all.extend_from_slice(&piece);
    }

    pub(super) fn is_empty(&self) -> bool {
        self.first.is_empty() && self.all.is_empty()
    }

    pub(super) fn is_enough(&self) -> bool {
        self.first.len() + self.all.len() >= GATHERED_BYTES
    }

    /// Whether it may wait for another turn, in which more may come.
    pub(super) fn may_wait(&self) -> bool {
        self.since.elapsed() < GATHERED_FOR
    }

    /// All of it.
    pub(super) fn take(&mut self) -> Bytes {
        if self.all.is_empty() {
            return std::mem::take(&mut self.first);
        }
        std::mem::take(&mut self.all).freeze()
    }
}

/// It never shows what it holds: that is an answer.
impl std::fmt::Debug for Gathered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Gathered({} bytes)", self.first.len() + self.all.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_alone_is_not_copied() {
        let mut gathered = Gathered::new();
        let piece = Bytes::from(vec![b'x'; 100]);
        gathered.push(piece.clone());
        assert_eq!(gathered.take().as_ptr(), piece.as_ptr());
        assert!(gathered.is_empty());
    }

    #[test]
    fn what_has_waited_for_long_waits_no_more() {
        let mut gathered = Gathered::new();
        gathered.push(Bytes::from_static(b"x"));
        gathered.since = Instant::now().checked_sub(GATHERED_FOR).unwrap();
        assert!(!gathered.may_wait());
    }

    #[test]
    fn little_holds_little() {
        let mut gathered = Gathered::new();
        for _ in 0..3 {
            gathered.push(Bytes::from_static(&[b'x'; 100]));
        }
        assert!(gathered.all.capacity() <= 600, "{} bytes for 300", gathered.all.capacity());
    }

    #[test]
    fn all_that_came_goes_in_its_order_and_once() {
        let mut gathered = Gathered::new();
        let whole: Vec<u8> = (0..=250).cycle().take(GATHERED_BYTES).collect();
        for _ in 0..2 {
            for piece in whole.chunks(1000) {
                assert!(!gathered.is_enough());
                gathered.push(Bytes::copy_from_slice(piece));
            }
            assert!(gathered.is_enough());
            assert_eq!(gathered.take(), whole);
            assert!(gathered.is_empty() && gathered.take().is_empty());
        }
    }
}
