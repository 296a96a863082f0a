//! `users`: who pays. Each has a number for the books and a balance from the start.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{Credits, UserId};
use uuid::Uuid;

use crate::text::check_name;
use crate::{StoreError, Tx, audit_log, balances};

/// What a user is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum UserKind {
    /// A person.
    #[default]
    Individual,
    /// A company or a team.
    Organization,
}

impl UserKind {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Individual => "individual",
            Self::Organization => "organization",
        }
    }
}

/// What becomes of a stream that has used up what it holds, and cannot hold more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenSpent {
    /// It goes on to its end, and overdraws the account.
    #[default]
    Finish,
    /// It is cut off, and charged for what came.
    Cut,
}

impl WhenSpent {
    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Finish => "finish",
            Self::Cut => "cut",
        }
    }

    pub(crate) fn from_stored(text: &str) -> Self {
        if text == Self::Cut.as_str() { Self::Cut } else { Self::Finish }
    }
}

/// A user as stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct User {
    /// The user.
    pub id: UserId,
    /// The number in the books.
    #[serde(skip)]
    pub no: i32,
    /// Unique among all users.
    pub name: String,
    /// `individual` or `organization`.
    pub kind: UserKind,
    /// What becomes of streams that outgrow the money.
    pub when_spent: WhenSpent,
    /// By the database's clock.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, no, name, kind, created_at, when_spent";

/// Creates a user with a balance of zero.
pub async fn create(tx: &Tx, name: &str, kind: UserKind, actor: &str) -> Result<User, StoreError> {
    check_name("the user's name", name)?;
    if name.parse::<Uuid>().is_ok() {
        return Err(StoreError::refused(
            "a user's name must not look like an id (UUID): commands take either; choose another name",
        ));
    }
    let sql = format!(
        "insert into users (id, name, kind) values ($1, $2, $3) on conflict (name) do nothing returning {COLUMNS}"
    );
    let id = UserId::generate().as_uuid();
    let Some(row) = tx.query_opt(&sql, &[&id, &name, &kind.as_str()]).await? else {
        return Err(StoreError::conflict(format!("user \"{name}\" already exists; choose another name")));
    };
    let user = from_row(&row)?;
    tx.execute("insert into user_balances (user_no, user_id) values ($1, $2)", &[&user.no, &id]).await?;
    audit_log::write(tx, actor, "user.create", name, None, Some(json!({ "id": user.id, "kind": user.kind })))
        .await?;
    Ok(user)
}

/// Sets what becomes of the user's streams that outgrow the money.
pub async fn set_when_spent(
    tx: &Tx,
    name_or_id: &str,
    when_spent: WhenSpent,
    actor: &str,
) -> Result<User, StoreError> {
    let before = find(tx, name_or_id).await?;
    if before.when_spent == when_spent {
        return Ok(before);
    }
    let sql = format!("update users set when_spent = $2 where id = $1 returning {COLUMNS}");
    let user = from_row(&tx.query_one(&sql, &[&before.id.as_uuid(), &when_spent.as_str()]).await?)?;
    let policy = |user: &User| Some(json!({ "when_spent": user.when_spent }));
    audit_log::write(tx, actor, "user.set", &user.name, policy(&before), policy(&user)).await?;
    Ok(user)
}

/// The user of this name or id.
pub async fn find(tx: &Tx, name_or_id: &str) -> Result<User, StoreError> {
    let sql = format!("select {COLUMNS} from users where (name = $1 or id = $2) and deleted_at is null");
    let id: Option<Uuid> = name_or_id.parse().ok();
    check_name("the user's name", name_or_id)?;
    match tx.query_opt(&sql, &[&name_or_id, &id]).await? {
        Some(row) => from_row(&row),
        None => Err(StoreError::not_found(format!(
            "user \"{name_or_id}\" does not exist; create it with `tollgate user create {name_or_id}`"
        ))),
    }
}

/// Sets at which balance whoever listens is told that it is low; `None`: not at all. What it is already is not told.
pub async fn set_low_balance(
    tx: &Tx,
    name_or_id: &str,
    low_balance: Option<Credits>,
    actor: &str,
) -> Result<User, StoreError> {
    if low_balance.is_some_and(|line| !line.is_positive()) {
        return Err(StoreError::refused(
            "a balance is low above zero; at zero it is depleted, which is told in any case",
        ));
    }
    let user = find(tx, name_or_id).await?;
    // Two at once wait for each other here, and each says what the other left.
    tx.execute("select 1 from user_balances where user_no = $1 for no key update", &[&user.no]).await?;
    let before = balances::low_balance(tx, user.no).await?;
    tx.execute(
        "update user_balances set low_balance = $2 where user_no = $1",
        &[&user.no, &low_balance.map(Credits::to_decimal)],
    )
    .await?;
    let (before, after) = (json!({ "low_balance": before }), json!({ "low_balance": low_balance }));
    audit_log::write(tx, actor, "user.set", &user.name, Some(before), Some(after)).await?;
    Ok(user)
}

/// What these users are called, deleted ones too.
pub async fn names(tx: &Tx, ids: &[UserId]) -> Result<HashMap<UserId, String>, StoreError> {
    let ids: Vec<Uuid> = ids.iter().map(|id| id.as_uuid()).collect();
    let rows = tx.query("select id, name from users where id = any($1)", &[&ids]).await?;
    rows.iter().map(|row| Ok((UserId::from_uuid(row.try_get(0)?), row.try_get(1)?))).collect()
}

/// All users but the system user, by name.
pub async fn list(tx: &Tx) -> Result<Vec<User>, StoreError> {
    let sql = format!("select {COLUMNS} from users where deleted_at is null and id <> $1 order by name");
    tx.query(&sql, &[&UserId::SYSTEM.as_uuid()]).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<User, StoreError> {
    let kind: &str = row.try_get(3)?;
    Ok(User {
        id: UserId::from_uuid(row.try_get(0)?),
        no: row.try_get(1)?,
        name: row.try_get(2)?,
        kind: if kind == UserKind::Organization.as_str() {
            UserKind::Organization
        } else {
            UserKind::Individual
        },
        when_spent: WhenSpent::from_stored(row.try_get(5)?),
        created_at: row.try_get(4)?,
    })
}
