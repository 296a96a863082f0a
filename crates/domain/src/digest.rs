//! Keyed digests of records: one tells a replay from a conflict, one shows tampering.

use std::fmt;

use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::credential::new_hmac;
use crate::{KeyDigest, MasterKey};

/// The first 16 bytes of an HMAC-SHA-256; stored in a `uuid` column, which is 16 bytes without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordDigest([u8; 16]);

impl RecordDigest {
    /// Takes a stored digest.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bare bytes, for SQL.
    pub const fn as_bytes(&self) -> [u8; 16] {
        self.0
    }
}

/// A key for digests, stretched from the master key and taken in once: a digest then costs its message alone.
#[derive(Clone)]
pub struct DigestKey(Hmac<Sha256>);

impl DigestKey {
    /// The key for one use (see [`MasterKey::derive`]).
    pub fn derive(master: &MasterKey, purpose: &str) -> Self {
        Self(new_hmac(&master.derive(purpose)))
    }

    /// The whole digest of a secret, under which it is stored and looked up.
    pub fn secret_digest(&self, secret: &str) -> KeyDigest {
        KeyDigest::from_bytes(self.full(secret.as_bytes()))
    }

    /// Digests `message`.
    pub fn digest(&self, message: &[u8]) -> RecordDigest {
        let full = self.full(message);
        let mut half = [0; 16];
        half.copy_from_slice(full.get(..16).unwrap_or(&[0; 16]));
        RecordDigest(half)
    }

    fn full(&self, message: &[u8]) -> [u8; 32] {
        self.0.clone().chain_update(message).finalize().into_bytes().into()
    }
}

impl fmt::Debug for DigestKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DigestKey(…)")
    }
}
