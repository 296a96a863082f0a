//! API keys and the secret that protects them.
//!
//! A key is shown once and stored as HMAC-SHA-256 under a pepper, so a stolen database opens no door. One master key per
//! database, shared by its gateways, is stretched into a separate key for each use.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;

/// Length of the master key and of every key made from it, in bytes.
const KEY_BYTES: usize = 32;
/// What every API key starts with, so that leaked ones can be found by scanners.
const SECRET_PREFIX: &str = "tg-";
/// How much of a secret may be shown to tell keys apart.
const SHOWN_CHARACTERS: usize = 10;

/// HMAC-SHA-256 with a 32-byte key.
fn hmac_sha256(key: &[u8; KEY_BYTES], message: &[u8]) -> [u8; 32] {
    new_hmac(key).chain_update(message).finalize().into_bytes().into()
}

/// HMAC-SHA-256 that has taken in its key and no message yet.
pub(crate) fn new_hmac(key: &[u8; KEY_BYTES]) -> Hmac<Sha256> {
    // A key shorter than the block is padded with zeros (RFC 2104, section 2), so this cannot fail.
    let mut block = [0; 64];
    for (padded, byte) in block.iter_mut().zip(key) {
        *padded = *byte;
    }
    <Hmac<Sha256> as KeyInit>::new(&block.into())
}

/// The one secret of an installation: 32 random bytes, from which the others are derived.
#[derive(Clone)]
pub struct MasterKey([u8; KEY_BYTES]);

/// The text is no master key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a master key is 64 hexadecimal digits (32 bytes)")]
pub struct MasterKeyError;

impl MasterKey {
    /// From 32 random bytes.
    pub const fn from_bytes(bytes: [u8; KEY_BYTES]) -> Self {
        Self(bytes)
    }

    /// From 64 hexadecimal digits; white space around them is ignored.
    pub fn from_hex(text: &str) -> Result<Self, MasterKeyError> {
        let text = text.trim();
        let mut bytes = [0; KEY_BYTES];
        if text.len() != KEY_BYTES.saturating_mul(2) || !text.is_ascii() {
            return Err(MasterKeyError);
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let pair = std::str::from_utf8(pair).map_err(|_| MasterKeyError)?;
            *byte = u8::from_str_radix(pair, 16).map_err(|_| MasterKeyError)?;
        }
        Ok(Self(bytes))
    }

    /// As 64 hexadecimal digits, to be written where only the owner reads.
    pub fn to_hex(&self) -> SecretString {
        SecretString::from(hex(&self.0))
    }

    /// A key for one use, such as `"endpoint sealing v1"`.
    pub fn derive(&self, purpose: &str) -> [u8; KEY_BYTES] {
        hmac_sha256(&self.0, purpose.as_bytes())
    }

    /// The digest under which an API key is stored and looked up.
    pub fn key_digest(&self, secret: &str) -> KeyDigest {
        self.pepper().key_digest(secret)
    }

    /// The same for many keys: what does not depend on the key is worked out once.
    pub fn pepper(&self) -> Pepper {
        Pepper(new_hmac(&self.derive("tollgate api key pepper v1")))
    }
}

/// Makes the digests under which API keys are stored and looked up.
#[derive(Clone)]
pub struct Pepper(Hmac<Sha256>);

impl Pepper {
    /// As [`MasterKey::key_digest`].
    pub fn key_digest(&self, secret: &str) -> KeyDigest {
        KeyDigest(self.0.clone().chain_update(secret).finalize().into_bytes().into())
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MasterKey(…)")
    }
}

/// HMAC-SHA-256 of an API key under the pepper. Compared in constant time.
#[derive(Clone, Copy, Eq, Hash, Serialize, Deserialize)]
#[expect(clippy::derived_hash_with_manual_eq, reason = "equal bytes hash equally; only the timing differs")]
#[serde(transparent)]
pub struct KeyDigest([u8; 32]);

impl KeyDigest {
    /// Takes a stored digest.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bare bytes, for SQL.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl PartialEq for KeyDigest {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl fmt::Debug for KeyDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyDigest(…)")
    }
}

/// The secret half of a new API key. Shown once, then only its digest is kept.
#[derive(Debug, Clone)]
pub struct ApiKeySecret(SecretString);

impl ApiKeySecret {
    /// From 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(SecretString::from(format!("{SECRET_PREFIX}{}", hex(&bytes))))
    }

    /// The secret itself, to be shown to its owner.
    pub fn expose(&self) -> &str {
        self.0.expose_secret()
    }

    /// The first characters, by which people tell keys apart.
    pub fn prefix(&self) -> &str {
        self.expose().get(..SHOWN_CHARACTERS).unwrap_or_default()
    }
}

fn hex(bytes: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |nibble: u8| DIGITS.get(usize::from(nibble)).copied().unwrap_or('0');
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0x0f)]).collect()
}

#[cfg(test)]
mod tests;
