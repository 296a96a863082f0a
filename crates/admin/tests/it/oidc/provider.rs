//! An OpenID provider that says what a test has it say, true or false, with keys of its own.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeySize, PublicKeyComponents};
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use axum::extract::{RawForm, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

pub(super) const CLIENT_ID: &str = "tollgate & co";
pub(super) const CLIENT_SECRET: &str = "s3cret+of the client";

/// A key of the provider, or of somebody who would like to be it.
pub(super) enum Key {
    Rsa(Box<RsaKeyPair>),
    Ec(Box<EcdsaKeyPair>),
    Ed(Box<Ed25519KeyPair>),
}

impl Key {
    pub(super) fn rsa() -> Self {
        Self::Rsa(Box::new(RsaKeyPair::generate(KeySize::Rsa2048).unwrap()))
    }

    pub(super) fn ec() -> Self {
        Self::Ec(Box::new(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap()))
    }

    pub(super) fn ed() -> Self {
        Self::Ed(Box::new(Ed25519KeyPair::generate().unwrap()))
    }

    pub(super) fn alg(&self) -> &'static str {
        match self {
            Self::Rsa(_) => "RS256",
            Self::Ec(_) => "ES256",
            Self::Ed(_) => "EdDSA",
        }
    }

    /// As the provider publishes it.
    pub(super) fn jwk(&self, kid: &str) -> Value {
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let mut jwk = match self {
            Self::Rsa(pair) => {
                let PublicKeyComponents { n, e } = PublicKeyComponents::<Vec<u8>>::from(pair.public_key());
                json!({ "kty": "RSA", "n": encode(&n), "e": encode(&e) })
            }
            Self::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
            }
            Self::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(pair.public_key().as_ref()) })
            }
        };
        jwk["kid"] = json!(kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.alg());
        jwk
    }

    /// A token with this head and these claims.
    pub(super) fn sign(&self, head: &Value, claims: &Value) -> String {
        let message = message(head, claims);
        let signature = match self {
            Self::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message.as_bytes(), &mut signature)
                    .unwrap();
                signature
            }
            Self::Ec(pair) => pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap().as_ref().to_vec(),
            Self::Ed(pair) => pair.sign(message.as_bytes()).as_ref().to_vec(),
        };
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

fn message(head: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(head), part(claims))
}

/// A token that nobody signed.
pub(super) fn unsigned(claims: &Value) -> String {
    format!("{}.", message(&json!({ "alg": "none" }), claims))
}

/// A token signed with something that others know, too.
pub(super) fn signed_by_hmac(secret: &[u8], kid: &str, claims: &Value) -> String {
    let message = message(&json!({ "alg": "HS256", "kid": kid }), claims);
    let signature = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// What it does next.
#[derive(Default)]
pub(super) struct Script {
    /// In place of what it says of itself.
    pub(super) metadata: Option<Value>,
    pub(super) keys: Vec<Value>,
    pub(super) id_token: String,
    pub(super) userinfo: Value,
    pub(super) fails: Option<Failure>,
    /// What was asked of it.
    pub(super) key_reads: usize,
    pub(super) discoveries: usize,
    pub(super) userinfo_tokens: Vec<String>,
    pub(super) exchanges: Vec<(Option<String>, HashMap<String, String>)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    Error,
    Redirect,
    Large,
    Nonsense,
    Silence,
}

#[derive(Clone)]
struct Shared {
    script: Arc<Mutex<Script>>,
    issuer: String,
}

/// A provider that runs.
pub(super) struct ScriptedProvider {
    shared: Shared,
    serving: JoinHandle<()>,
}

impl Drop for ScriptedProvider {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl ScriptedProvider {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let issuer = format!("http://{}/realms/staff", listener.local_addr().unwrap());
        let shared = Shared { script: Arc::default(), issuer };
        let router = Router::new()
            .route("/realms/staff/.well-known/openid-configuration", get(discover))
            .route("/keys", get(keys))
            .route("/token", post(token))
            .route("/userinfo", get(userinfo))
            .with_state(shared.clone());
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { shared, serving }
    }

    pub(super) fn issuer(&self) -> &str {
        &self.shared.issuer
    }

    pub(super) fn script<T>(&self, change: impl FnOnce(&mut Script) -> T) -> T {
        change(&mut self.shared.script.lock().unwrap())
    }

    pub(super) fn metadata(&self) -> Value {
        metadata(&self.shared.issuer)
    }
}

fn metadata(issuer: &str) -> Value {
    let base = issuer.strip_suffix("/realms/staff").unwrap();
    json!({
        "issuer": issuer,
        "authorization_endpoint": format!("{base}/authorize?tenant=7"),
        "token_endpoint": format!("{base}/token"),
        "jwks_uri": format!("{base}/keys"),
        "userinfo_endpoint": format!("{base}/userinfo"),
    })
}

impl Shared {
    async fn answer(&self, right: impl FnOnce(&mut Script) -> Value) -> Response {
        let failure = {
            let mut script = self.script.lock().unwrap();
            match script.fails {
                None => return Json(right(&mut script)).into_response(),
                Some(failure) => failure,
            }
        };
        match failure {
            Failure::Error => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
            Failure::Redirect => Redirect::temporary("/elsewhere").into_response(),
            Failure::Large => Json(json!({ "issuer": "x".repeat(1024 * 1024) })).into_response(),
            Failure::Nonsense => "<html>Welcome</html>".into_response(),
            Failure::Silence => std::future::pending().await,
        }
    }
}

async fn discover(State(shared): State<Shared>) -> Response {
    let issuer = shared.issuer.clone();
    shared
        .answer(|script| {
            script.discoveries += 1;
            script.metadata.clone().unwrap_or_else(|| metadata(&issuer))
        })
        .await
}

async fn keys(State(shared): State<Shared>) -> Response {
    shared
        .answer(|script| {
            script.key_reads += 1;
            json!({ "keys": script.keys })
        })
        .await
}

async fn token(State(shared): State<Shared>, headers: HeaderMap, RawForm(form): RawForm) -> Response {
    let form = form_urlencoded::parse(&form).into_owned().collect();
    let authorization = headers.get("authorization").map(|value| value.to_str().unwrap().to_owned());
    shared
        .answer(|script| {
            script.exchanges.push((authorization, form));
            json!({ "token_type": "Bearer", "access_token": "an access token", "id_token": script.id_token })
        })
        .await
}

async fn userinfo(State(shared): State<Shared>, headers: HeaderMap) -> Response {
    let token = headers["authorization"].to_str().unwrap().to_owned();
    shared
        .answer(|script| {
            script.userinfo_tokens.push(token);
            script.userinfo.clone()
        })
        .await
}
