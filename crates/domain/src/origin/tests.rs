use super::*;

#[test]
fn unknown_purposes_read_as_realtime() {
    for text in ["", "REALTIME", "batches", "something newer", "\0"] {
        assert_eq!(ApiKeyPurpose::from_stored(text), ApiKeyPurpose::Realtime);
        assert!(text.parse::<ApiKeyPurpose>().is_err());
    }
}

#[test]
fn every_purpose_reads_back_what_it_writes() {
    for purpose in ApiKeyPurpose::ALL {
        assert_eq!(ApiKeyPurpose::from_stored(purpose.as_str()), purpose);
    }
}

#[test]
fn the_six_cases_of_request_origin() {
    let cases = [
        (true, None, RequestOrigin::Batch),
        (true, Some(ApiKeyPurpose::Playground), RequestOrigin::Batch),
        (false, Some(ApiKeyPurpose::Batch), RequestOrigin::Batch),
        (false, Some(ApiKeyPurpose::Playground), RequestOrigin::Frontend),
        (false, Some(ApiKeyPurpose::Realtime), RequestOrigin::Api),
        (false, None, RequestOrigin::Api),
    ];
    for (has_batch_id, purpose, expected) in cases {
        assert_eq!(RequestOrigin::of(has_batch_id, purpose), expected, "{has_batch_id} {purpose:?}");
    }
    assert_eq!(RequestOrigin::of(false, Some(ApiKeyPurpose::Platform)), RequestOrigin::Api);
}
