use proptest::prelude::*;

use super::*;

fn small_group() -> Vec<u8> {
    encode(7, [(1, b"admit".as_slice()), (2, b""), (3, b"finish")].into_iter())
}

#[test]
fn any_flipped_bit_is_damage() {
    let whole = small_group();
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert_eq!(decode(7, &bytes), Err(NotAGroup::Damaged), "bit {bit}");
    }
}

#[test]
fn any_cut_is_damage() {
    let whole = small_group();
    for length in 0..whole.len() {
        assert_eq!(decode(7, &whole[..length]), Err(NotAGroup::Damaged), "cut at {length}");
        assert_eq!(find_at_start(&whole[..length]), None);
    }
}

#[test]
fn a_group_in_anothers_place_is_damage() {
    assert_eq!(decode(8, &small_group()), Err(NotAGroup::Damaged));
}

#[test]
fn a_later_version_is_named_and_not_taken_for_damage() {
    let mut bytes = small_group();
    bytes[8] = 2;
    let crc = checksum(&bytes);
    bytes[24..28].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(decode(7, &bytes), Err(NotAGroup::Newer(2)));
}

/// `crc32c` of "123456789", from the catalogue of checksums.
#[test]
fn the_checksum_is_castagnolis() {
    assert_eq!(crc32c::crc32c(b"123456789"), 0xE306_9283);
}

proptest! {
    #[test]
    fn what_is_encoded_is_decoded(
        sequence: u64,
        records in prop::collection::vec((any::<u8>(), prop::collection::vec(any::<u8>(), 0..300)), 1..=256),
        after in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let mut bytes = encode(sequence, records.iter().map(|(kind, bytes)| (*kind, bytes.as_slice())));
        let decoded = decode(sequence, &bytes).unwrap();
        prop_assert_eq!(decoded, records.into_iter().map(|(kind, bytes)| Record { kind, bytes }).collect::<Vec<_>>());
        let whole = bytes.clone();
        bytes.extend(after);
        prop_assert_eq!(find_at_start(&bytes), Some((sequence, whole.as_slice())));
    }

    #[test]
    fn no_bytes_make_it_panic(sequence: u64, mut bytes in prop::collection::vec(any::<u8>(), 0..200), magic: bool) {
        if magic && bytes.len() >= MAGIC.len() {
            bytes[..MAGIC.len()].copy_from_slice(&MAGIC);
        }
        prop_assert_eq!(decode(sequence, &bytes), Err(NotAGroup::Damaged));
    }
}
