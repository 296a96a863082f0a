//! An ID token is believed when everything about it is right: signature, issuer, audience, times and nonce (OpenID Connect Core, section
//! 3.1.3.7).
//!
//! Only signatures by a private key count. `none` and the HMACs are refused before a key is looked for: with those, whoever knows the
//! client's secret, or a public key, could write tokens. Keys come from the provider's own set, never from the token.

use jiff::{SignedDuration, Timestamp};
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Header, Validation, decode, decode_header};
use serde::Deserialize;
use serde_json::Value;
use subtle::ConstantTimeEq;

/// What may sign.
const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];
/// How far the provider's clock may be from ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(60);
/// A token was made for the code that was exchanged just now; one that is older was made for something else.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(10);
/// OpenID Connect Core, section 2.
const MAX_SUBJECT_BYTES: usize = tollgate_store::management::identities::MAX_SUBJECT_BYTES;

/// Why a token is not believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    /// No key of the set fits: the provider may have others meanwhile.
    #[error("it is signed by a key that the provider does not have")]
    UnknownKey,
    /// By none of the keys that it may be by: the provider may have another by the same name meanwhile.
    #[error("its signature is wrong")]
    WrongSignature,
    /// Nothing would make it right.
    #[error("{0}")]
    Invalid(&'static str),
}

/// What a token must say.
#[derive(Debug, Clone, Copy)]
pub(super) struct Expected<'a> {
    pub(super) issuer: &'a str,
    pub(super) client_id: &'a str,
    pub(super) nonce: &'a str,
    pub(super) now: Timestamp,
}

/// What a token says of somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subject {
    pub(super) subject: String,
    pub(super) email: Email,
}

/// What a provider says of somebody's address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Email {
    /// Nothing.
    Unsaid,
    /// It is this, and nobody has verified it; or it is not said by whom.
    Unverified,
    /// It is this.
    Verified(String),
}

/// The claims by which an address is said. Only the JSON `true` is a yes.
#[derive(Debug, Deserialize)]
pub(super) struct EmailClaims {
    email: Option<String>,
    email_verified: Option<Value>,
}

impl From<EmailClaims> for Email {
    fn from(EmailClaims { email, email_verified }: EmailClaims) -> Self {
        match email {
            None => Self::Unsaid,
            Some(email) if email_verified == Some(Value::Bool(true)) => Self::Verified(email),
            Some(_) => Self::Unverified,
        }
    }
}

#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    azp: Option<String>,
    exp: i64,
    iat: i64,
    nbf: Option<i64>,
    nonce: Option<String>,
    #[serde(flatten)]
    email: EmailClaims,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Several(Vec<String>),
}

impl Audience {
    fn as_slice(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Several(several) => several,
        }
    }
}

/// The provider's keys, those that can be read. One of a kind that nobody here knows does not make the others useless.
#[derive(Debug, Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Value>,
}

impl KeySet {
    /// Those that may have signed this.
    fn fitting(&self, header: &Header) -> Vec<Jwk> {
        let keys = self.keys.iter().filter_map(|key| serde_json::from_value::<Jwk>(key.clone()).ok());
        keys.filter(|key| {
            let common = &key.common;
            let is_named = header.kid.is_none() || common.key_id == header.kid;
            let is_for_signatures = matches!(common.public_key_use, None | Some(PublicKeyUse::Signature));
            let is_for_this = common.key_algorithm.is_none_or(|of| of == KeyAlgorithm::from(header.alg));
            let is_of_family =
                DecodingKey::from_jwk(key).is_ok_and(|key| key.family() == header.alg.family());
            is_named && is_for_signatures && is_for_this && is_of_family
        })
        .collect()
    }
}

/// Believes a token, or says why not.
pub(super) fn verify(token: &str, keys: &KeySet, expected: Expected<'_>) -> Result<Subject, TokenError> {
    let header = decode_header(token).map_err(|_| TokenError::Invalid("its head cannot be read"))?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(TokenError::Invalid("it is signed by a method that is not allowed"));
    }
    if header.crit.is_some() {
        return Err(TokenError::Invalid("it demands an extension that is not known"));
    }
    let fitting = keys.fitting(&header);
    if fitting.is_empty() {
        return Err(TokenError::UnknownKey);
    }
    let mut validation = Validation::new(header.alg);
    // Claims are judged below, by our own clock.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let mut claims = fitting.iter().filter_map(|key| {
        let key = DecodingKey::from_jwk(key).ok()?;
        decode::<Value>(token, &key, &validation).ok()
    });
    let claims = claims.next().ok_or(TokenError::WrongSignature)?.claims;
    let claims: Claims =
        serde_json::from_value(claims).map_err(|_| TokenError::Invalid("a claim is missing or no claim"))?;
    judge(claims, expected)
}

fn judge(claims: Claims, expected: Expected<'_>) -> Result<Subject, TokenError> {
    let Expected { issuer, client_id, nonce, now } = expected;
    let audience = claims.aud.as_slice();
    let at = |seconds: i64| Timestamp::from_second(seconds).unwrap_or(Timestamp::MIN);
    let wrong = [
        (claims.iss != issuer, "another issuer made it"),
        (!audience.iter().any(|of| of == client_id), "it is for another audience"),
        (audience.len() > 1 && claims.azp.is_none(), "it is for several audiences and says not for whom"),
        (claims.azp.is_some_and(|azp| azp != client_id), "it was made for somebody else"),
        (now.duration_since(at(claims.exp)) >= CLOCK_SKEW, "it has expired"),
        (at(claims.iat).duration_since(now) > CLOCK_SKEW, "it is from the future"),
        (now.duration_since(at(claims.iat)) > MAX_AGE, "it was made long ago"),
        (claims.nbf.is_some_and(|nbf| at(nbf).duration_since(now) > CLOCK_SKEW), "it is not good yet"),
        (
            !claims.nonce.is_some_and(|said| bool::from(said.as_bytes().ct_eq(nonce.as_bytes()))),
            "it answers another sign-in",
        ),
        (
            claims.sub.is_empty()
                || claims.sub.len() > MAX_SUBJECT_BYTES
                || claims.sub.contains(char::is_control),
            "its subject is no subject",
        ),
    ];
    if let Some((_, why)) = wrong.into_iter().find(|(is_wrong, _)| *is_wrong) {
        return Err(TokenError::Invalid(why));
    }
    Ok(Subject { subject: claims.sub, email: claims.email.into() })
}
