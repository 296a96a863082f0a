//! Sign-in through a real OpenID provider, the npm package `oidc-provider`, as a browser does it. It is installed with the SDKs: see
//! [`crate::sdks`]. What only a provider that lies would say is among the tests of the management API.

mod browser;

use std::process::Stdio;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tollgate_admin::OidcConfig;
use tollgate_server::{App, RunningApp, SystemClock};

use self::browser::{Browser, Page};
use crate::harness::{PATIENCE, Place, post_json};
use crate::sdks::sdk_home;

const CLIENT_ID: &str = "tollgate";
const CLIENT_SECRET: &str = "a secret / of the client: +";

/// A provider in a process of its own.
struct Provider {
    issuer: String,
    process: Child,
    stdin: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

impl Provider {
    /// `None` where the package is not installed.
    async fn start() -> Option<Self> {
        let home = sdk_home("node")?;
        // Node finds packages from where the script is. Tests run at once: each has a script of its own name.
        let script = home.join(format!("oidc_provider-{}.mjs", uuid::Uuid::new_v4()));
        let source = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/sdk/oidc_provider.mjs");
        std::fs::copy(source, &script).unwrap();
        let mut process = Command::new("node")
            .arg(&script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let stdin = process.stdin.take().unwrap();
        let mut said = BufReader::new(process.stdout.take().unwrap()).lines();
        let issuer = heard(&mut said).await["issuer"].as_str().unwrap().to_owned();
        std::fs::remove_file(script).unwrap();
        Some(Self { issuer, process, stdin, said })
    }

    /// Has it know this server and these accounts, and sign with a new key of this kind.
    async fn become_one(&mut self, base: &str, key: &str, kid: &str, more: Value) {
        let mut line = json!({
            "client": {
                "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
                "redirect_uris": [format!("{base}/admin/api/v1/oidc/callback")],
            },
            "key": key, "kid": kid,
        });
        line.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.stdin.write_all(format!("{line}\n").as_bytes()).await.unwrap();
        assert_eq!(heard(&mut self.said).await["kid"], kid);
    }
}

async fn heard(said: &mut Lines<BufReader<ChildStdout>>) -> Value {
    let line = tokio::time::timeout(PATIENCE, said.next_line()).await.expect("the provider says something");
    serde_json::from_str(&line.unwrap().expect("the provider runs")).unwrap()
}

/// A server that sends people to a provider.
struct Stage {
    place: Place,
    app: RunningApp,
    provider: Provider,
    base: String,
    manager: String,
}

impl Stage {
    async fn open(link_by_email: bool) -> Option<Self> {
        let provider = Provider::start().await?;
        let place = Place::with_database().await;
        let secret = place.directory.path().join("client-secret");
        std::fs::write(&secret, CLIENT_SECRET).unwrap();
        let mut config = place.config();
        config.admin.oidc = OidcConfig {
            issuer: provider.issuer.clone(),
            name: "the company".to_owned(),
            client_id: CLIENT_ID.to_owned(),
            client_secret_file: Some(secret),
            link_by_email,
            ..OidcConfig::default()
        };
        "127.0.0.1:0".clone_into(&mut config.admin.listen);
        let app = App::start(config, Arc::new(SystemClock)).await.unwrap();
        let base = format!("http://{}", app.admin_address().unwrap());
        place.cli("user create boss").await;
        let manager = place.cli("key create --user boss --purpose platform --role manager").await;
        let manager = manager["secret"].as_str().unwrap().to_owned();
        Some(Self { place, app, provider, base, manager })
    }

    /// Presses the button of the sign-in page.
    async fn press(&self, browser: &mut Browser) -> Page {
        browser.visit(&format!("{}/admin/api/v1/oidc/sign-in", self.base), "127.0.0.1").await
    }

    /// Presses the button, and signs in at the provider as this account, with as many forms as it has: a name, whether this installation may
    /// know who that is, or none for who has been there before.
    async fn signs_in(&self, browser: &mut Browser, account: &str) -> Page {
        let mut page = self.press(browser).await;
        for _ in 0..3 {
            if !page.url.starts_with(&self.provider.issuer) {
                break;
            }
            page = browser.submit(&page, &[("login", account), ("password", "whatever")]).await;
        }
        page
    }

    /// Who a browser is here.
    async fn is(&self, browser: &Browser) -> Option<String> {
        let (status, text) = browser.fetch(&format!("{}/admin/api/v1/session", self.base)).await;
        let said: Value = serde_json::from_str(&text).unwrap();
        status.is_success().then(|| said["user"]["name"].as_str().unwrap().to_owned())
    }

    /// Where this page is: in the dashboard, or at the sign-in page with this problem.
    fn at<'a>(&self, page: &'a Page) -> &'a str {
        assert_eq!(page.status, 200, "{page:?}");
        page.url.strip_prefix(&self.base).unwrap_or_else(|| panic!("led to {}", page.url))
    }
}

const REFUSED: &str = "/#/sign-in?problem=";

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_through_a_real_provider_whose_keys_change_and_which_goes_away() {
    let Some(mut stage) = Stage::open(false).await else { return };
    let base = stage.base.clone();
    stage.provider.become_one(&base, "RS256", "one", json!({})).await;
    stage.place.cli("user create ada").await;
    let link = format!("user link ada --subject ada-at-the-company --issuer {}", stage.provider.issuer);
    let linked = stage.place.cli(&link).await;

    let mut browser = Browser::new();
    let page = stage.signs_in(&mut browser, "ada-at-the-company").await;
    assert_eq!(stage.at(&page), "/#/");
    assert_eq!(stage.is(&browser).await.as_deref(), Some("ada"));
    assert!(browser.cookie("127.0.0.1", "tollgate_oidc").is_none(), "it has come back");
    // The way back came from another site, without the session's cookie, which is for none.
    let back = browser.visited.iter().find(|url| url.contains("/oidc/callback?")).unwrap().clone();

    // The address of the way back is of no use: to the same browser, to another, or changed.
    let page = browser.visit(&back, "localhost").await;
    assert_eq!(stage.at(&page), format!("{REFUSED}oidc_expired"));
    let mut another = Browser::new();
    stage.press(&mut another).await;
    let page = another.visit(&back, "localhost").await;
    assert_eq!(stage.at(&page), format!("{REFUSED}oidc_expired"));
    assert_eq!(stage.is(&another).await, None);

    // Who is still signed in at the provider needs no form; and the provider has another key meanwhile, of another kind.
    stage.provider.become_one(&base, "ES256", "two", json!({})).await;
    let first = browser.cookie("127.0.0.1", "tollgate_session").unwrap().to_owned();
    let page = stage.signs_in(&mut browser, "ada-at-the-company").await;
    assert_eq!(stage.at(&page), "/#/");
    assert_ne!(browser.cookie("127.0.0.1", "tollgate_session").unwrap(), first, "a new session");
    assert_eq!(stage.is(&browser).await.as_deref(), Some("ada"));

    // Whom nobody linked, the provider's word does not let in.
    let mut stranger = Browser::new();
    let page = stage.signs_in(&mut stranger, "mallory").await;
    assert_eq!(stage.at(&page), format!("{REFUSED}oidc_not_linked"));
    assert_eq!(stage.is(&stranger).await, None);

    // Who is deactivated is out, and does not come in again.
    let ada = linked["user_id"].as_str().unwrap();
    let path = format!("/admin/api/v1/users/{ada}/deactivate");
    let admin = stage.app.admin_address().unwrap();
    assert!(post_json(admin, &path, &stage.manager, &json!({})).await.status.is_success());
    assert_eq!(stage.is(&browser).await, None);
    let page = stage.signs_in(&mut Browser::new(), "ada-at-the-company").await;
    assert_eq!(stage.at(&page), format!("{REFUSED}oidc_not_linked"));

    // Somebody is at the provider when it goes away; and nobody gets there any more. A link still leads in.
    let mut late = Browser::new();
    let begun = stage.press(&mut late).await;
    assert!(begun.url.starts_with(&stage.provider.issuer));
    stage.provider.process.kill().await.unwrap();
    let state = begun_state(&late);
    let page = late
        .visit(
            &format!("{base}/admin/api/v1/oidc/callback?state={state}&code=x&iss={}", stage.provider.issuer),
            "localhost",
        )
        .await;
    assert_eq!(stage.at(&page), format!("{REFUSED}oidc_provider"));
    stage.place.cli("user create bob").await;
    let link = stage.place.cli("user sign-in-link bob").await;
    let code = link["url"].as_str().unwrap().split_once("code=").unwrap().1.to_owned();
    let path = "/admin/api/v1/session";
    assert!(post_json(admin, path, "", &json!({ "code": code })).await.status.is_success());
    stage.app.stop().await.unwrap();
}

/// The state with which a browser was sent to the provider.
fn begun_state(browser: &Browser) -> String {
    let sent = browser.visited.iter().find(|url| url.contains("code_challenge=")).unwrap();
    let (_, query) = sent.split_once('?').unwrap();
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find(|(name, _)| name == "state").unwrap().1.into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_provider_says_by_its_user_info_whether_an_address_is_verified() {
    let Some(mut stage) = Stage::open(true).await else { return };
    let base = stage.base.clone();
    let accounts = json!({
        "mallory": { "email": "ada@example.com", "email_verified": false },
        "ada-at-the-company": { "email": "Ada@example.com", "email_verified": true },
        "her-successor": { "email": "ada@example.com", "email_verified": true },
    });
    let said = json!({ "accounts": accounts });
    stage.provider.become_one(&base, "RS256", "one", said.clone()).await;
    stage.place.cli("user create ada").await;
    // Without the setting the command line trusts no address either.
    let refused =
        stage.place.cli_fails("user link ada --email ada@example.com --issuer https://x.test").await;
    assert!(refused.contains("admin.oidc.link_by_email"), "{refused}");
    let mut link = stage.place.command();
    link.env("TOLLGATE_ADMIN__OIDC__ISSUER", &stage.provider.issuer)
        .env("TOLLGATE_ADMIN__OIDC__CLIENT_ID", CLIENT_ID)
        .env("TOLLGATE_ADMIN__OIDC__LINK_BY_EMAIL", "true")
        .args(["user", "link", "ada", "--email", "ada@EXAMPLE.com", "--json"]);
    let linked = link.output().await.unwrap();
    assert!(linked.status.success(), "{}", String::from_utf8_lossy(&linked.stderr));

    for (account, led_to) in [
        ("mallory", format!("{REFUSED}oidc_not_linked")),
        ("ada-at-the-company", "/#/".to_owned()),
        ("her-successor", format!("{REFUSED}oidc_not_linked")),
    ] {
        let page = stage.signs_in(&mut Browser::new(), account).await;
        assert_eq!(stage.at(&page), led_to, "{account}");
    }
    // In its token, too, where it says it there.
    let mut in_token = said;
    in_token["claims_in_token"] = json!(true);
    stage.provider.become_one(&base, "ES256", "two", in_token).await;
    let page = stage.signs_in(&mut Browser::new(), "ada-at-the-company").await;
    assert_eq!(stage.at(&page), "/#/");

    let known = stage.place.cli("user identities ada").await;
    assert_eq!(known[0]["subject"], "ada-at-the-company");
    let unlink = format!("user unlink ada {}", known[0]["id"].as_str().unwrap());
    stage.place.cli(&unlink).await;
    let page = stage.signs_in(&mut Browser::new(), "ada-at-the-company").await;
    assert_eq!(stage.at(&page), format!("{REFUSED}oidc_not_linked"));
    stage.app.stop().await.unwrap();
}
