//! `tollgate user`: who pays.

use anyhow::{Context, bail};
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;
use tollgate_domain::{Clock, Credits};
use tollgate_store::{
    StoreError, Tx,
    management::{
        identities::{self, KnownBy},
        keys::PlatformRole,
        roles::{self, MadeKeys, WaysInMade},
    },
    movements::{self, MovementKind, NewMovement},
    reports,
    users::{self, User, UserKind, WhenSpent},
};
use uuid::Uuid;

use super::{ACTOR, Session};
use crate::{
    cli::user::{KnownByArgs, LinkArgs, UserCommand, WantedRole, WhenSpentArg},
    config::Config,
    data_dir,
    output::{Answer, Column, count, or_none, table},
};

/// A user with what is left.
#[derive(Debug, Serialize)]
struct Account {
    #[serde(flatten)]
    user: User,
    balance: Credits,
    /// At which balance webhooks are told that it is low.
    low_balance: Option<Credits>,
}

pub(super) async fn answer(session: &Session, command: UserCommand) -> anyhow::Result<Answer> {
    match command {
        UserCommand::Create { name, credits, organization } => {
            let kind = if organization { UserKind::Organization } else { UserKind::Individual };
            create(session, &name, kind, credits).await
        }
        UserCommand::Set { user, when_spent } => {
            let when_spent = match when_spent {
                WhenSpentArg::Finish => WhenSpent::Finish,
                WhenSpentArg::Cut => WhenSpent::Cut,
            };
            set(session, &user, when_spent).await
        }
        UserCommand::List => list(session).await,
        UserCommand::SignInLink { name } => sign_in_link(session, &name).await,
        UserCommand::Role { name, role: WantedRole(role), revoke_made_keys } => {
            let made = if revoke_made_keys { MadeKeys::Revoke } else { MadeKeys::Keep };
            set_role(session, &name, role, made).await
        }
        UserCommand::Link(args) => link(session, args).await,
        UserCommand::Identities { user } => identities(session, &user).await,
        UserCommand::Unlink { user, identity } => unlink(session, &user, identity).await,
    }
}

async fn link(session: &Session, args: LinkArgs) -> anyhow::Result<Answer> {
    let LinkArgs { user: name, known_by: KnownByArgs { subject, email }, issuer } = args;
    let oidc = &session.config().admin.oidc;
    let issuer = issuer.or_else(|| oidc.is_on().then(|| oidc.issuer.clone()));
    let issuer =
        issuer.context("no OpenID provider is set (`admin.oidc.issuer`); say which one with --issuer")?;
    let known_by = match (subject, email) {
        (Some(subject), _) => KnownBy::Subject(subject),
        (None, Some(email)) => KnownBy::Email(email),
        (None, None) => bail!("say --subject or --email"),
    };
    if matches!(known_by, KnownBy::Email(_)) && !(oidc.link_by_email && oidc.issuer == issuer) {
        bail!(
            "addresses of this issuer are not trusted here: set `admin.oidc.link_by_email`, or link a subject"
        );
    }
    let now = session.clock.now();
    let link = async |tx: Tx| {
        let user = users::find(&tx, &name).await?;
        identities::link(&tx, user.id, &issuer, &known_by, None, now, ACTOR).await
    };
    let identity = session.store.tx("link_identity", link).await?;
    let text = match &known_by {
        KnownBy::Subject(subject) => format!("{subject} of {issuer} signs in as {name} now."),
        KnownBy::Email(email) => {
            format!(
                "The first who comes from {issuer} with the verified address {email} signs in as {name} from then on."
            )
        }
    };
    Answer::new(&identity, text)
}

async fn identities(session: &Session, name: &str) -> anyhow::Result<Answer> {
    let read = async |tx: Tx| {
        let user = users::find(&tx, name).await?;
        identities::of_user(&tx, user.id).await
    };
    let all = session.store.tx("list_identities", read).await?;
    let columns = [
        Column::Text("SUBJECT"),
        Column::Text("ADDRESS"),
        Column::Text("ISSUER"),
        Column::Text("LAST SIGN-IN"),
        Column::Text("ID"),
    ];
    let rows = all.iter().map(|identity| {
        vec![
            or_none(identity.subject.as_ref()),
            or_none(identity.email.as_ref()),
            identity.issuer.clone(),
            or_none(identity.last_sign_in_at),
            identity.id.to_string(),
        ]
    });
    let text = table(&columns, rows, &format!("No identity yet: tollgate user link {name} --subject SUB"));
    Answer::new(&all, text)
}

async fn unlink(session: &Session, name: &str, identity: Uuid) -> anyhow::Result<Answer> {
    let unlink = async |tx: Tx| {
        let user = users::find(&tx, name).await?;
        identities::unlink(&tx, user.id, identity, ACTOR).await
    };
    session.store.tx("unlink_identity", unlink).await?;
    let text = format!(
        "Nobody signs in as {name} by this identity any more; the sessions that began through a provider have ended."
    );
    Answer::new(&json!({ "unlinked": identity }), text)
}

async fn sign_in_link(session: &Session, name: &str) -> anyhow::Result<Answer> {
    let master = session.master_key().await?;
    let (base, now) = (base_url(session.config()), session.clock.now());
    let create = async |tx: Tx| {
        let user = users::find(&tx, name).await?;
        tollgate_admin::sign_in_link(&tx, &master, user.id, &base, now, ACTOR).await
    };
    let (url, expires_at) = session.store.tx("sign_in_link", create).await?;
    let url = url.expose_secret();
    let text = format!(
        "{url}\n\nWhoever opens this first is signed in as {name}. It is good once, until {expires_at}, and is shown this once."
    );
    Answer::new(&json!({ "url": url, "expires_at": expires_at }), text)
}

/// Where the browsers of people find the management API, as far as a command can know.
fn base_url(config: &Config) -> String {
    let admin = &config.admin;
    if !admin.public_url.is_empty() {
        return admin.public_url.clone();
    }
    let configured = Some(&admin.listen).filter(|listen| !listen.is_empty() && !admin.is_off());
    let address = data_dir::admin_address_of_running(&config.data_dir)
        .or_else(|| configured.cloned())
        .unwrap_or_else(|| tollgate_admin::DEFAULT_LISTEN.to_owned());
    let scheme = if admin.tls_in_front { "https" } else { "http" };
    format!("{scheme}://{address}")
}

async fn set_role(
    session: &Session,
    name: &str,
    role: Option<PlatformRole>,
    made: MadeKeys,
) -> anyhow::Result<Answer> {
    let now = session.clock.now();
    let set = async |tx: Tx| {
        let user = users::find(&tx, name).await?;
        let change = roles::set(&tx, user.id, role, made, now, None, ACTOR).await?;
        Ok((user, change))
    };
    let (user, change) = session.store.tx("set_role", set).await?;
    let mut text = match role {
        Some(role) => {
            format!("{} is {} now. To sign in: tollgate user sign-in-link {0}", user.name, role.as_str())
        }
        None => format!("{} has no role any more.", user.name),
    };
    if !change.revoked.is_empty() {
        let revoked = u64::try_from(change.revoked.len()).unwrap_or(u64::MAX);
        text = format!("{text}\nRevoked with the role: {}.", count(revoked, "key"));
    }
    let WaysInMade { keys, identities, sign_in_links, sessions, passwords } = &change.made;
    let name = &user.name;
    let mut say = |line: String| text = format!("{text}\n{line}");
    if !keys.is_empty() {
        let keys: Vec<String> = keys.iter().map(ToString::to_string).collect();
        say(format!(
            "{name} made keys for others with more power than that, which are live: {}. --revoke-made-keys ends them.",
            keys.join(", ")
        ));
    }
    for (identity, of) in identities {
        say(format!(
            "{name} linked an identity to {of}, who has more power than that. If it is another's: tollgate user unlink {of} {identity}"
        ));
    }
    for of in sign_in_links {
        say(format!(
            "{name} made a sign-in link for {of}, who has more power than that, and nobody has used it. Another ends it: tollgate user sign-in-link {of}"
        ));
    }
    for of in sessions {
        say(format!(
            "By a sign-in link that {name} made for {of}, who has more power than that, somebody is signed in. A new password ends that: tollgate user sign-in-link {of}"
        ));
    }
    for of in passwords {
        say(format!(
            "By a sign-in link that {name} made for {of}, who has more power than that, somebody came in and set the password. For a new one: tollgate user sign-in-link {of}"
        ));
    }
    let identities: Vec<_> = identities.iter().map(|(id, of)| json!({ "id": id, "user_id": of })).collect();
    let mut json = json!(user);
    if let Some(object) = json.as_object_mut() {
        object.insert("role".to_owned(), json!(role));
        object.insert("revoked_keys".to_owned(), json!(change.revoked));
        object.insert("made_keys".to_owned(), json!(keys));
        object.insert("made_identities".to_owned(), json!(identities));
        object.insert("made_sign_in_links".to_owned(), json!(sign_in_links));
        object.insert("made_sessions".to_owned(), json!(sessions));
        object.insert("made_passwords".to_owned(), json!(passwords));
    }
    Answer::new(&json, text)
}

async fn create(
    session: &Session,
    name: &str,
    kind: UserKind,
    credits: Option<Credits>,
) -> anyhow::Result<Answer> {
    let create = async |tx: Tx| create_account(&tx, name, kind, credits).await;
    let account = session.store.tx("create_user", create).await?;
    let text = format!(
        "Created user {} with {} credits. Make a key: tollgate key create --user {0}",
        account.user.name, account.balance
    );
    Answer::new(&account, text)
}

/// One transaction: a user whose credits could not be granted does not exist.
async fn create_account(
    tx: &Tx,
    name: &str,
    kind: UserKind,
    credits: Option<Credits>,
) -> Result<Account, StoreError> {
    let user = users::create(tx, name, kind, ACTOR).await?;
    let balance = match credits {
        Some(amount) if amount != Credits::ZERO => {
            let grant = NewMovement {
                user: user.id.to_string(),
                kind: MovementKind::AdminGrant,
                amount,
                source_id: format!("user-create:{}", user.id),
                description: "Credits to begin with".to_owned(),
            };
            movements::apply(tx, &grant, ACTOR).await?.balance
        }
        _ => Credits::ZERO,
    };
    Ok(Account { user, balance, low_balance: None })
}

async fn set(session: &Session, user: &str, when_spent: WhenSpent) -> anyhow::Result<Answer> {
    let set = async |tx: Tx| users::set_when_spent(&tx, user, when_spent, ACTOR).await;
    let user = session.store.tx("set_user", set).await?;
    let text = format!(
        "Streams of {} that outgrow the credits {}.",
        user.name,
        match user.when_spent {
            WhenSpent::Finish => "go on to their end, and overdraw the account",
            WhenSpent::Cut => "are cut off",
        }
    );
    Answer::new(&user, text)
}

async fn list(session: &Session) -> anyhow::Result<Answer> {
    let read = async |tx: Tx| Ok((users::list(&tx).await?, reports::all_balances(&tx).await?));
    let (users, balances) = session.store.tx_repeatable_read("list_users", read).await?;
    // Both are lists of the same users in the order of their names.
    let accounts: Vec<Account> = users
        .into_iter()
        .zip(balances)
        .map(|(user, report)| Account { user, balance: report.balance, low_balance: report.low_balance })
        .collect();
    let columns = [
        Column::Text("USER"),
        Column::Number("BALANCE"),
        Column::Number("LOW AT"),
        Column::Text("KIND"),
        Column::Text("ID"),
    ];
    let rows = accounts.iter().map(|account| {
        vec![
            account.user.name.clone(),
            account.balance.to_string(),
            or_none(account.low_balance),
            account.user.kind.as_str().to_owned(),
            account.user.id.to_string(),
        ]
    });
    Answer::new(&accounts, table(&columns, rows, "No user yet: tollgate user create NAME --credits N"))
}
