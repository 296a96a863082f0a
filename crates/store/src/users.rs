//! `users`: who pays. Each has a number for the books and a balance from the start.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::UserId;
use uuid::Uuid;

use crate::text::check_name;
use crate::{StoreError, Tx, audit_log};

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
    /// By the database's clock.
    pub created_at: Timestamp,
}

const COLUMNS: &str = "id, no, name, kind, created_at";

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
        created_at: row.try_get(4)?,
    })
}
