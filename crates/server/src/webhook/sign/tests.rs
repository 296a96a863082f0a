use tollgate_admin::new_webhook_secret;

use super::*;

#[test]
fn a_signature_is_the_one_that_the_specifications_own_libraries_test_with() {
    let key = SigningKey::parse(&SecretString::from("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")).unwrap();
    let signature = key.sign("msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, r#"{"test": 2432232314}"#);
    assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
}

#[test]
fn a_new_secret_is_one_and_no_two_are_the_same() {
    let (first, second) = (new_webhook_secret(), new_webhook_secret());
    SigningKey::parse(&first).unwrap();
    assert_ne!(first.expose_secret(), second.expose_secret());
}

#[test]
fn what_is_no_secret_is_refused_without_being_repeated() {
    for text in
        ["", "whsec_", "whsec_abc", "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_c2hvcnQ=", "whsec_§§§§"]
    {
        let error = SigningKey::parse(&SecretString::from(text)).unwrap_err().to_string();
        assert!(text.is_empty() || text == "whsec_" || !error.contains(text), "{error}");
    }
}
