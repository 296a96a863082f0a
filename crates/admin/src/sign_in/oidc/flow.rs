//! One sign-in on its way to the provider and back, bound to the browser that began it.
//!
//! The browser's cookie carries 256 random bits. State, nonce and code verifier are keyed digests of them, so that there is nothing to
//! keep, none of them tells another, and those of another browser do not fit.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tollgate_domain::KeyDigest;

use crate::sign_in::Secrets;

/// What the cookie carries, and what is made of it.
pub(super) struct Flow {
    secret: SecretString,
    secrets: Secrets,
}

impl Flow {
    /// A new one.
    pub(super) fn begin(secrets: &Secrets) -> Self {
        Self { secret: Secrets::random(), secrets: secrets.clone() }
    }

    /// The one that a cookie carries.
    pub(super) fn of_cookie(secrets: &Secrets, carried: &str) -> Self {
        Self { secret: SecretString::from(carried), secrets: secrets.clone() }
    }

    /// For the cookie.
    pub(super) fn secret(&self) -> &SecretString {
        &self.secret
    }

    /// For the database.
    pub(super) fn digest(&self) -> KeyDigest {
        self.part("flow")
    }

    pub(super) fn state(&self) -> String {
        self.text("state")
    }

    pub(super) fn nonce(&self) -> String {
        self.text("nonce")
    }

    /// RFC 7636, section 4.1: 43 characters that nobody guesses.
    pub(super) fn verifier(&self) -> SecretString {
        SecretString::from(self.text("code verifier"))
    }

    /// RFC 7636, section 4.2, by S256.
    pub(super) fn challenge(&self) -> String {
        URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier().expose_secret().as_bytes()))
    }

    /// Whether this state is ours, compared in constant time.
    pub(super) fn has_state(&self, state: &str) -> bool {
        self.state().as_bytes().ct_eq(state.as_bytes()).into()
    }

    fn text(&self, part: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.part(part).as_bytes())
    }

    fn part(&self, part: &str) -> KeyDigest {
        self.secrets.oidc_part(part, self.secret.expose_secret())
    }
}
