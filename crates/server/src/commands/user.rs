//! `tollgate user`: who pays.

use serde::Serialize;
use tollgate_domain::Credits;
use tollgate_store::{
    StoreError, Tx,
    movements::{self, MovementKind, NewMovement},
    reports,
    users::{self, User, UserKind, WhenSpent},
};

use super::{ACTOR, Session};
use crate::{
    cli::{UserCommand, WhenSpentArg},
    output::{Answer, Column, or_none, table},
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
    }
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
