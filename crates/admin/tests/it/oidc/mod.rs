//! Sign-in through an OpenID provider that says what a test has it say: what is believed, and what is not. The same with a real provider is
//! among the tests of the server.

mod emails;
mod failures;
mod flows;
mod identities;
mod provider;
mod tokens;

use std::collections::HashMap;

use http::Method;
use http_body_util::Full;
use serde_json::{Value, json};
use tempfile::TempDir;
use tollgate_admin::{AdminConfig, OidcConfig};
use tollgate_domain::{Clock, UserId};

use self::provider::{CLIENT_ID, CLIENT_SECRET, Key, ScriptedProvider};
use crate::house::{House, Reply, Tenant};

const USERS: &str = "/admin/api/v1/users";
const SIGN_IN: &str = "/admin/api/v1/oidc/sign-in";
const CALLBACK: &str = "/admin/api/v1/oidc/callback";
const KID: &str = "the key of today";

/// A house whose people may come in through a provider, and the provider.
struct Stage {
    house: House,
    manager: Tenant,
    provider: ScriptedProvider,
    key: Key,
    _files: TempDir,
}

/// A browser that was sent to the provider.
#[derive(Debug, Clone)]
struct Sent {
    cookie: String,
    /// What the provider is told.
    asked: HashMap<String, String>,
}

impl Sent {
    fn state(&self) -> &str {
        &self.asked["state"]
    }

    /// The query that the provider sends the browser back with.
    fn back(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("state", self.state())
            .append_pair("code", "a code")
            .append_pair("session_state", "x");
        query.finish()
    }
}

impl Stage {
    async fn open() -> Self {
        Self::open_with(|_| {}).await
    }

    async fn open_with(change: impl FnOnce(&mut OidcConfig)) -> Self {
        let provider = ScriptedProvider::start().await;
        let files = tempfile::tempdir().unwrap();
        let secret = files.path().join("client-secret");
        std::fs::write(&secret, format!("{CLIENT_SECRET}\n")).unwrap();
        let mut oidc = OidcConfig {
            issuer: provider.issuer().to_owned(),
            name: "the company".to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret_file: Some(secret),
            ..OidcConfig::default()
        };
        change(&mut oidc);
        let config = AdminConfig { oidc, ..AdminConfig::default() };
        config.check().unwrap();
        let house = House::open_with(config).await;
        let key = Key::ec();
        provider.script(|script| script.keys = vec![key.jwk(KID)]);
        let manager = house.manager().await;
        Self { house, manager, provider, key, _files: files }
    }

    /// A user, known at the provider by this subject.
    async fn linked(&self, name: &str, subject: &str) -> UserId {
        let user = self.house.person(name, None).await;
        self.link(user, &json!({ "subject": subject })).await.ok();
        user
    }

    async fn link(&self, user: UserId, body: &Value) -> Reply {
        self.house.post(&self.manager.key, &format!("{USERS}/{user}/identities"), body).await
    }

    async fn get(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = self.house.request(&Method::GET, path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.house.send(request.body(Full::default()).unwrap()).await
    }

    /// Presses the button.
    async fn go(&self) -> Sent {
        self.go_with(&[]).await
    }

    async fn go_with(&self, headers: &[(&str, &str)]) -> Sent {
        let reply = self.get(SIGN_IN, headers).await;
        assert_eq!(reply.status, 303, "{reply:?}");
        let to = location(&reply);
        let (_, query) = to.split_once('?').unwrap_or_else(|| panic!("sent to {to}"));
        let asked = form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        Sent { cookie: reply.cookie().to_owned(), asked }
    }

    /// Comes back from the provider, as a browser does that was led here by another site.
    async fn back(&self, sent: &Sent, query: &str) -> Reply {
        let headers = [("cookie", sent.cookie.as_str()), ("sec-fetch-site", "cross-site")];
        self.get(&format!("{CALLBACK}?{query}"), &headers).await
    }

    /// What a good token says of somebody who comes by this sign-in.
    fn claims(&self, sent: &Sent, subject: &str) -> Value {
        let now = self.house.clock.now().as_second();
        json!({
            "iss": self.provider.issuer(), "sub": subject, "aud": CLIENT_ID, "nonce": sent.asked["nonce"],
            "iat": now, "exp": now + 300,
        })
    }

    fn head(&self) -> Value {
        json!({ "alg": self.key.alg(), "kid": KID, "typ": "JWT" })
    }

    /// Goes there and comes back with a token of these claims.
    async fn comes(&self, subject: &str, change: impl FnOnce(&mut Value)) -> Reply {
        let sent = self.go().await;
        let mut claims = self.claims(&sent, subject);
        change(&mut claims);
        self.comes_with(&sent, self.key.sign(&self.head(), &claims)).await
    }

    async fn comes_with(&self, sent: &Sent, token: String) -> Reply {
        self.provider.script(|script| script.id_token = token);
        self.back(sent, &sent.back()).await
    }

    /// How many sessions began through the provider.
    async fn sessions(&self) -> usize {
        self.house.rows("select 1 from sessions where began_by = 'oidc'").await.len()
    }
}

fn location(reply: &Reply) -> &str {
    reply.headers["location"].to_str().unwrap()
}

/// The cookies that a reply sets, as they are.
fn cookies(reply: &Reply) -> Vec<&str> {
    reply.headers.get_all("set-cookie").iter().map(|cookie| cookie.to_str().unwrap()).collect()
}

/// The session that a reply gave.
async fn session(stage: &Stage, reply: &Reply) -> String {
    assert_eq!((reply.status.as_u16(), location(reply)), (303, "/#/"), "{reply:?}");
    let cookies = cookies(reply);
    let cookie = cookies.iter().find(|cookie| cookie.starts_with("tollgate_session=")).unwrap();
    let cookie = cookie.split(';').next().unwrap();
    let said = stage.house.get(&format!("{cookie}|"), "/admin/api/v1/session").await.ok();
    format!("{cookie}|{}", said["csrf_token"].as_str().unwrap())
}

/// Why a reply leads back to the sign-in page. It must give no session.
fn refusal(reply: &Reply) -> &str {
    assert_eq!(reply.status, 303, "{reply:?}");
    assert!(!cookies(reply).iter().any(|cookie| cookie.starts_with("tollgate_session=")), "{reply:?}");
    let to = location(reply);
    to.strip_prefix("/#/sign-in?problem=").unwrap_or_else(|| panic!("led to {to}"))
}
