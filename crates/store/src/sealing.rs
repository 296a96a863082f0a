//! Upstream credentials and webhook secrets at rest: AES-256-GCM-SIV under keys made from the master key, bound to their owner.
//!
//! What is sealed: `1` (the version) ‖ nonce (12 bytes) ‖ ciphertext and tag. The owner's id is associated data, so a
//! sealed secret that is moved to another endpoint or webhook does not open. A nonce that came twice would show that two secrets
//! are equal, and nothing more; that is why it is SIV.

use aes_gcm_siv::aead::{Aead, KeyInit, Payload};
use aes_gcm_siv::{Aes256GcmSiv, Nonce};
use rand::RngExt;
use secrecy::{ExposeSecret, SecretString};
use tollgate_domain::{EndpointId, MasterKey, WebhookId};
use uuid::Uuid;

use crate::StoreError;

const PURPOSE: &str = "tollgate endpoint sealing v1";
const WEBHOOK_PURPOSE: &str = "tollgate webhook sealing v1";
const VERSION: u8 = 1;
const NONCE_BYTES: usize = 12;

/// Seals the credential of `endpoint`.
pub fn seal(master: &MasterKey, endpoint: EndpointId, secret: &SecretString) -> Result<Vec<u8>, StoreError> {
    seal_for(master, PURPOSE, endpoint.as_uuid(), secret)
        .ok_or_else(|| StoreError::Corrupt("the upstream's credential could not be sealed".to_owned()))
}

/// Opens what [`seal`] made for the same endpoint under the same master key.
pub fn open(master: &MasterKey, endpoint: EndpointId, sealed: &[u8]) -> Result<SecretString, StoreError> {
    open_for(master, PURPOSE, endpoint.as_uuid(), sealed).ok_or_else(|| {
        StoreError::Corrupt(format!(
            "the credential of endpoint {endpoint} cannot be opened: it was sealed under another master key, or \
             changed since; start with the master key of this database, or set the credential again"
        ))
    })
}

/// Seals the secret of `webhook`.
pub fn seal_webhook(
    master: &MasterKey,
    webhook: WebhookId,
    secret: &SecretString,
) -> Result<Vec<u8>, StoreError> {
    seal_for(master, WEBHOOK_PURPOSE, webhook.as_uuid(), secret)
        .ok_or_else(|| StoreError::Corrupt("the webhook's secret could not be sealed".to_owned()))
}

/// Opens what [`seal_webhook`] made for the same webhook under the same master key.
pub fn open_webhook(
    master: &MasterKey,
    webhook: WebhookId,
    sealed: &[u8],
) -> Result<SecretString, StoreError> {
    open_for(master, WEBHOOK_PURPOSE, webhook.as_uuid(), sealed).ok_or_else(|| {
        StoreError::Corrupt(format!(
            "the secret of webhook {webhook} cannot be opened: it was sealed under another master key, or changed since; \
             start with the master key of this database, or remove the webhook and add it again"
        ))
    })
}

fn seal_for(master: &MasterKey, purpose: &str, bound_to: Uuid, secret: &SecretString) -> Option<Vec<u8>> {
    let nonce: [u8; NONCE_BYTES] = rand::rng().random();
    let payload = Payload { msg: secret.expose_secret().as_bytes(), aad: bound_to.as_bytes() };
    let ciphertext = cipher(master, purpose).encrypt(&Nonce::from(nonce), payload).ok()?;
    Some([&[VERSION], nonce.as_slice(), &ciphertext].concat())
}

fn open_for(master: &MasterKey, purpose: &str, bound_to: Uuid, sealed: &[u8]) -> Option<SecretString> {
    let (version, rest) = sealed.split_first()?;
    let (nonce, ciphertext) = rest.split_first_chunk::<NONCE_BYTES>()?;
    if *version != VERSION {
        return None;
    }
    let payload = Payload { msg: ciphertext, aad: bound_to.as_bytes() };
    let opened = cipher(master, purpose).decrypt(&Nonce::from(*nonce), payload).ok()?;
    String::from_utf8(opened).map(SecretString::from).ok()
}

fn cipher(master: &MasterKey, purpose: &str) -> Aes256GcmSiv {
    Aes256GcmSiv::new(&master.derive(purpose).into())
}

#[cfg(test)]
mod tests;
