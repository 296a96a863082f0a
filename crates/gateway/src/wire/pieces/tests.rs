use proptest::prelude::*;

use super::*;

#[test]
fn a_body_that_comes_byte_by_byte_is_kept_in_few_slices() {
    let mut pieces = Pieces::new();
    for _ in 0..100_000 {
        pieces.push(Bytes::from_static(b"x"));
    }
    assert_eq!(pieces.len(), 100_000);
    assert!(pieces.into_iter().count() < 20);
}

#[test]
fn the_last_slice_is_found_behind_tiny_ones_too() {
    let (mut from, mut to) = (Pieces::new(), Pieces::new());
    for piece in ["abc", "d", "e"] {
        from.push(Bytes::from_static(piece.as_bytes()));
    }
    to.extend_last(&mut from);
    assert_eq!((from.len(), to.len()), (3, 2), "tiny ones are one slice");
    to.extend_last(&mut from);
    assert_eq!((from.is_empty(), to.into_bytes()), (true, Bytes::from_static(b"deabc")));
}

proptest! {
    #[test]
    fn bytes_come_out_as_they_went_in(
        sizes in prop::collection::vec(0_usize..600, 0..60),
        within in prop::collection::vec(1_usize..2000, 0..20),
    ) {
        let (mut pieces, mut expected) = (Pieces::new(), Vec::new());
        for (number, size) in sizes.into_iter().enumerate() {
            let piece = vec![u8::try_from(number).unwrap(); size];
            expected.extend_from_slice(&piece);
            pieces.push(piece.into());
            prop_assert_eq!(pieces.len(), expected.len());
        }
        let mut out = Vec::new();
        for within in within {
            let Some(piece) = pieces.pop_front_within(within) else { break };
            prop_assert!(!piece.is_empty() && piece.len() <= within);
            out.extend_from_slice(&piece);
            prop_assert_eq!(pieces.len() + out.len(), expected.len());
        }
        out.extend_from_slice(&pieces.into_bytes());
        prop_assert_eq!(out, expected);
    }
}
