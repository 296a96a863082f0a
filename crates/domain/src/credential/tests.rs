use super::*;

fn master(byte: u8) -> MasterKey {
    MasterKey::from_bytes([byte; 32])
}

#[test]
fn a_master_key_survives_its_file() {
    let key = master(0xa7);
    let text = format!("{}\n", key.to_hex().expose_secret());
    assert_eq!(MasterKey::from_hex(&text).unwrap().derive("x"), key.derive("x"));
    for wrong in ["", "abc", &"g".repeat(64), &"é".repeat(32), &"0".repeat(66)] {
        assert!(MasterKey::from_hex(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn each_use_has_its_own_key() {
    assert_ne!(master(1).derive("a"), master(1).derive("b"));
    assert_ne!(master(1).derive("a"), master(2).derive("a"));
}

#[test]
fn digests_depend_on_the_secret_and_on_the_pepper() {
    assert_eq!(master(1).key_digest("tg-x"), master(1).key_digest("tg-x"));
    assert_ne!(master(1).key_digest("tg-x"), master(1).key_digest("tg-y"));
    assert_ne!(master(1).key_digest("tg-x"), master(2).key_digest("tg-x"));
}

#[test]
fn hmac_agrees_with_rfc_4231() {
    // Test case 1 of RFC 4231, section 4.2: a key of 20 bytes 0x0b, padded with zeros as HMAC does itself.
    let mut key = [0; 32];
    key[..20].fill(0x0b);
    let digest = hmac_sha256(&key, b"Hi There");
    assert_eq!(hex(&digest), "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
}

#[test]
fn secrets_do_not_show_in_debug_output() {
    let secret = ApiKeySecret::from_random([0xcd; 32]);
    let digest = master(1).key_digest(secret.expose());
    let shown = format!("{secret:?} {:?} {:?} {digest:?}", master(0xcd), master(0xcd).pepper());
    assert!(!shown.contains("cdcd"), "{shown}");
    assert_eq!(secret.prefix(), "tg-cdcdcdc");
}
