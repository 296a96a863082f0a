use bytes::{BufMut, BytesMut};

use super::super::encode;
use super::*;

fn row() -> UsageRow {
    UsageRow {
        key: RecordKey {
            day: UtcDay::from_wire(9_824),
            instance_no: 3,
            correlation_id: CorrelationId::new(i64::MAX),
        },
        requested_at: UtcMicros::from_wire(848_793_600_123_456),
        batch_created_at: Some(UtcMicros::from_wire(-1)),
        amount_pico: 12_345_678_901_234,
        raw_digest: RecordDigest::from_bytes([1; 16]),
        rated_digest: RecordDigest::from_bytes([2; 16]),
        user_no: Some(7),
        key_no: Some(8),
        model_no: None,
        tariff_no: None,
        pricing_epoch: 9,
        dimensions_no: 10,
        duration_ms: 1200,
        first_byte_ms: None,
        counts: UsageCounts { prompt: Some(100), total: Some(0), cache_read: 40, ..UsageCounts::default() },
        status_code: 200,
        flags: 2,
        state: UsageState::Unrated,
        usage_source: UsageSource::Estimated,
    }
}

/// As the server sends it: the row that we encode, with one column more.
fn sent(row: &UsageRow, xid: u32) -> BytesMut {
    let mut out = BytesMut::new();
    encode::row(row, &mut out);
    out[..2].copy_from_slice(&SCANNED_COLUMNS.to_be_bytes());
    out.put_i32(4);
    out.put_u32(xid);
    out
}

fn decoded(pieces: &[&[u8]]) -> Result<Vec<ScannedRow>, StoreError> {
    let (mut decoder, mut rows) = (Decoder::default(), Vec::new());
    for piece in pieces {
        decoder.piece(piece, |row| rows.push(row))?;
    }
    Ok(rows)
}

#[test]
fn a_row_is_read_as_it_was_written_however_the_stream_is_cut_between_rows() {
    let (mut header, mut trailer) = (BytesMut::new(), BytesMut::new());
    encode::header(&mut header);
    encode::trailer(&mut trailer);
    let other = UsageRow { user_no: None, state: UsageState::Free, ..row() };
    let (first, second) = (sent(&row(), 5), sent(&other, u32::MAX));
    let whole: Vec<u8> = [&header[..], &first, &second, &trailer].concat();
    let begun: Vec<u8> = [&header[..], &first].concat();
    for pieces in
        [vec![&whole[..]], vec![&begun, &second, &trailer], vec![&header, &first, &second, &trailer]]
    {
        let rows = decoded(&pieces).unwrap();
        assert_eq!(rows.iter().map(|row| row.row.clone()).collect::<Vec<_>>(), [row(), other.clone()]);
        assert_eq!(rows.iter().map(|row| row.xid).collect::<Vec<_>>(), [5, u32::MAX]);
        assert!(rows.iter().all(|row| row.has_known_state));
    }
}

#[test]
fn what_is_cut_inside_a_row_or_is_no_copy_is_an_error_and_never_a_panic() {
    let mut whole = BytesMut::new();
    encode::header(&mut whole);
    let header = whole.len();
    whole.extend_from_slice(&sent(&row(), 5));
    for end in (0..header).filter(|end| *end > 0).chain(header + 1..whole.len()) {
        assert!(decoded(&[&whole[..end]]).is_err(), "cut at {end}");
    }
    assert!(decoded(&[b"PGCOPY\n\xff\r\n\x01\0\0\0\0\0\0\0\0"]).is_err());
    let mut other_columns = BytesMut::new();
    encode::header(&mut other_columns);
    encode::row(&row(), &mut other_columns);
    assert!(decoded(&[&other_columns]).is_err(), "a row with one column less");
}

#[test]
fn an_infinite_time_and_an_unknown_state_are_read_as_what_no_row_was_written_with() {
    let mut whole = BytesMut::new();
    encode::header(&mut whole);
    let at = whole.len() + 2 + 4;
    whole.extend_from_slice(&sent(&row(), 5));
    whole[at..at + 8].copy_from_slice(&i64::MAX.to_be_bytes());
    let letter = whole.len() - 8 - 5 - 1;
    assert_eq!(whole[letter], b'u');
    whole[letter] = b'x';
    let rows = decoded(&[&whole]).unwrap();
    assert_eq!(rows[0].row.requested_at.get(), i64::MAX);
    assert!(!rows[0].has_known_state);
}
