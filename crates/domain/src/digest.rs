//! Keyed digests of records: one tells a replay from a conflict, one shows tampering.

use crate::credential::hmac_sha256;

/// The first 16 bytes of an HMAC-SHA-256; stored in a `uuid` column, which is 16 bytes without a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RecordDigest([u8; 16]);

impl RecordDigest {
    /// Digests `message` under `key` (see [`crate::MasterKey::derive`]).
    pub fn of(key: &[u8; 32], message: &[u8]) -> Self {
        let full = hmac_sha256(key, message);
        let mut half = [0; 16];
        half.copy_from_slice(full.get(..16).unwrap_or(&[0; 16]));
        Self(half)
    }

    /// Takes a stored digest.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The bare bytes, for SQL.
    pub const fn as_bytes(&self) -> [u8; 16] {
        self.0
    }
}
