//! What browsers and links carry, and what the database keeps of it: digests under keys made from the master key, one for each use.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;
use rand::RngExt;
use secrecy::SecretString;
use subtle::ConstantTimeEq;
use tollgate_domain::{DigestKey, KeyDigest, MasterKey, RecordDigest};

/// The header that carries the token.
const CSRF_HEADER: &str = "x-csrf-token";

/// The keys.
#[derive(Debug, Clone)]
pub(crate) struct Secrets {
    sessions: DigestKey,
    codes: DigestKey,
    csrf: DigestKey,
    attempts: DigestKey,
    oidc: DigestKey,
}

impl Secrets {
    /// From the master key.
    pub(crate) fn derive(master: &MasterKey) -> Self {
        let key = |purpose| DigestKey::derive(master, purpose);
        Self {
            sessions: key("tollgate session v1"),
            codes: key("tollgate sign-in code v1"),
            csrf: key("tollgate csrf token v1"),
            attempts: key("tollgate sign-in attempts v1"),
            oidc: key("tollgate oidc sign-in v1"),
        }
    }

    /// 256 bits that nobody guesses, as a URL and a cookie can carry them.
    pub(crate) fn random() -> SecretString {
        let bytes: [u8; 32] = rand::rng().random();
        SecretString::from(URL_SAFE_NO_PAD.encode(bytes))
    }

    pub(crate) fn session_digest(&self, secret: &str) -> KeyDigest {
        self.sessions.secret_digest(secret)
    }

    /// The digest of a sign-in link's code.
    pub(crate) fn code_digest(&self, code: &str) -> KeyDigest {
        self.codes.secret_digest(code)
    }

    /// A part of a sign-in through the provider, made of what the cookie carries.
    pub(crate) fn oidc_part(&self, part: &str, secret: &str) -> KeyDigest {
        self.oidc.secret_digest(&format!("{part}\0{secret}"))
    }

    /// Made of the session's secret: another session's is another one, and there is nothing to keep.
    pub(crate) fn csrf_token(&self, session: &str) -> String {
        URL_SAFE_NO_PAD.encode(self.csrf.secret_digest(session).as_bytes())
    }

    /// Whether the request carries this token, compared in constant time.
    pub(crate) fn has_csrf_token(headers: &HeaderMap, token: &str) -> bool {
        let mut sent = headers.get_all(CSRF_HEADER).iter();
        let (Some(sent), None) = (sent.next(), sent.next()) else { return false };
        sent.as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// What tries by this name, or from this address, are counted under.
    pub(crate) fn attempts(&self, kind: &str, text: &str) -> RecordDigest {
        self.attempts.digest(format!("{kind}\0{text}").as_bytes())
    }
}
