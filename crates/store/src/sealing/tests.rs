use secrecy::{ExposeSecret, SecretString};
use tollgate_domain::{EndpointId, MasterKey, WebhookId};

use super::{open, open_webhook, seal, seal_webhook};

fn sealed() -> (MasterKey, EndpointId, Vec<u8>) {
    let (master, endpoint) = (MasterKey::from_bytes([7; 32]), EndpointId::generate());
    let sealed = seal(&master, endpoint, &SecretString::from("sk-upstream")).unwrap();
    (master, endpoint, sealed)
}

#[test]
fn what_was_sealed_opens_again() {
    let (master, endpoint, sealed) = sealed();
    assert_eq!(open(&master, endpoint, &sealed).unwrap().expose_secret(), "sk-upstream");
}

#[test]
fn a_sealed_secret_shows_nothing_and_never_looks_the_same_twice() {
    let (master, endpoint, first) = sealed();
    let second = seal(&master, endpoint, &SecretString::from("sk-upstream")).unwrap();
    assert_ne!(first, second);
    assert!(!first.windows(4).any(|window| b"sk-upstream".windows(4).any(|part| part == window)));
}

#[test]
fn another_endpoint_another_master_key_or_a_changed_byte_does_not_open() {
    let (master, endpoint, sealed) = sealed();
    open(&master, EndpointId::generate(), &sealed).unwrap_err();
    open(&MasterKey::from_bytes([8; 32]), endpoint, &sealed).unwrap_err();
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        open(&master, endpoint, &changed).unwrap_err();
        open(&master, endpoint, &sealed[..at]).unwrap_err();
    }
}

#[test]
fn what_is_sealed_for_a_webhook_opens_for_it_alone_and_for_no_endpoint_of_the_same_id() {
    let (master, webhook) = (MasterKey::from_bytes([7; 32]), WebhookId::generate());
    let sealed = seal_webhook(&master, webhook, &SecretString::from("whsec_abc")).unwrap();
    assert_eq!(open_webhook(&master, webhook, &sealed).unwrap().expose_secret(), "whsec_abc");
    open_webhook(&master, WebhookId::generate(), &sealed).unwrap_err();
    open(&master, EndpointId::from_uuid(webhook.as_uuid()), &sealed).unwrap_err();
}
