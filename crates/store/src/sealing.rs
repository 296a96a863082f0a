//! Upstream credentials at rest: AES-256-GCM-SIV under a key made from the master key, bound to their endpoint.
//!
//! What is sealed: `1` (the version) ‖ nonce (12 bytes) ‖ ciphertext and tag. The endpoint's id is associated data, so a
//! sealed secret that is moved to another endpoint does not open. A nonce that came twice would show that two secrets
//! are equal, and nothing more; that is why it is SIV.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use tollgate_domain::{EndpointId, MasterKey};

use crate::StoreError;

const PURPOSE: &str = "tollgate endpoint sealing v1";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;

/// Seals the credential of `endpoint`.
pub fn seal(master: &MasterKey, endpoint: EndpointId, secret: &SecretString) -> Result<Vec<u8>, StoreError> {
    let nonce: [u8; NONCE_BYTES] = rand::rng().random();
    let bound_to = endpoint.as_uuid();
    let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: bound_to.as_bytes() };
    let ciphertext = cipher(master)
        .encrypt(&Nonce::from(nonce), payload)
        .map_err(|_| StoreError::Corrupt("the upstream's credential could not be sealed".to_owned()))?;
    Ok([&[VERSION], nonce.as_slice(), &ciphertext].concat())
}

/// Opens what [`seal`] made for the same endpoint under the same master key.
pub fn open(master: &MasterKey, endpoint: EndpointId, sealed: &[u8]) -> Result<SecretString, StoreError> {
    let unreadable = || {
        StoreError::Corrupt(format!(
            "the credential of endpoint {endpoint} cannot be opened: it was sealed under another master key, or \
             changed since; start with the master key of this database, or set the credential again"
        ))
    };
    let (version, rest) = sealed.split_first().ok_or_else(unreadable)?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>().ok_or_else(unreadable)?;
    if *version != VERSION {
        return Err(unreadable());
    }
    let bound_to = endpoint.as_uuid();
    let payload = Payload { msg: ciphertext, aad: bound_to.as_bytes() };
    let opened = cipher(master).decrypt(&Nonce::from(*nonce), payload).map_err(|_| unreadable())?;
    String::from_utf8(opened).map(SecretString::from).map_err(|_| unreadable())
}

fn cipher(master: &MasterKey) -> Aes256GcmSiv {
    Aes256GcmSiv::new(&master.derive(PURPOSE).into())
}

#[cfg(test)]
mod tests;
