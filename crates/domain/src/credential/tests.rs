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

#[test]
fn a_guess_that_is_nearly_right_has_a_digest_that_is_not() {
    // What a lookup compares, in a table or an index, is the digest. Secrets that share all but their last character share no more of it than any two.
    let (master, secret) = (master(7), ApiKeySecret::from_random([0xab; 32]));
    let right = master.key_digest(secret.expose());
    let last = secret.expose().len() - 1;
    let mut shared = Vec::new();
    for place in 3..=last {
        let mut guess = secret.expose().as_bytes().to_vec();
        guess[place] = b'0';
        let guess = master.key_digest(std::str::from_utf8(&guess).unwrap());
        shared.push(
            right.as_bytes().iter().zip(guess.as_bytes()).take_while(|(one, other)| one == other).count(),
        );
    }
    assert!(shared.iter().all(|bytes| *bytes <= 2), "{shared:?}");
}

/// Whether a type can be compared, or looked up, by what it holds: told by the compiler, which takes the inherent constant where it has one.
struct Probe<T>(std::marker::PhantomData<T>);

trait Otherwise {
    const IS_COMPARED: bool = false;
    const IS_HASHED: bool = false;
}

impl<T> Otherwise for Probe<T> {}

impl<T: PartialEq> Probe<T> {
    const IS_COMPARED: bool = true;
}

impl<T: std::hash::Hash> Probe<T> {
    const IS_HASHED: bool = true;
}

#[test]
fn a_secret_cannot_be_compared_or_looked_up_and_its_digest_can() {
    const {
        assert!(Probe::<KeyDigest>::IS_COMPARED && Probe::<KeyDigest>::IS_HASHED);
        assert!(!Probe::<ApiKeySecret>::IS_COMPARED && !Probe::<ApiKeySecret>::IS_HASHED);
        assert!(!Probe::<SecretString>::IS_COMPARED && !Probe::<SecretString>::IS_HASHED);
        assert!(!Probe::<MasterKey>::IS_COMPARED && !Probe::<MasterKey>::IS_HASHED);
        assert!(!Probe::<Pepper>::IS_COMPARED);
    }
}
