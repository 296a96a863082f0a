//! What came of an answer since the last write to its client, in one slice.

use bytes::{Bytes, BytesMut};

/// What is gathered of an answer that comes quickly, before it goes on: enough that a write to the client costs little beside it.
const GATHERED_BYTES: usize = 16 * 1024;
/// Room for a token that comes when there is almost enough.
const ROOM: usize = GATHERED_BYTES + 1024;

/// A chunk that came alone is passed on as it is; others are copied, once.
#[derive(Default)]
pub(super) struct Gathered {
    first: Bytes,
    all: BytesMut,
}

impl Gathered {
    pub(super) fn push(&mut self, piece: Bytes) {
        if self.is_empty() {
            self.first = piece;
            return;
        }
        if self.all.is_empty() {
            self.all.reserve(ROOM.max(self.first.len() + piece.len()));
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
        let mut gathered = Gathered::default();
        let piece = Bytes::from(vec![b'x'; 100]);
        gathered.push(piece.clone());
        assert_eq!(gathered.take().as_ptr(), piece.as_ptr());
        assert!(gathered.is_empty());
    }

    #[test]
    fn all_that_came_goes_in_its_order_and_once() {
        let mut gathered = Gathered::default();
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
