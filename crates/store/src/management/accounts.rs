//! Users with their balances, and the end of a user.

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{Credits, UserId};

use super::keys::PlatformRole;
use super::roles::Managers;
use super::{Page, identities, keys, passwords, rows_for, sessions, sign_in_codes};
use crate::text::check_text;
use crate::users::{User, UserKind, WhenSpent};
use crate::{StoreError, Tx, audit_log};

/// A user with what is left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who.
    pub user: User,
    /// In credits.
    pub balance: Credits,
    /// Of it, what requests in flight hold, as their gateways said last: a quarter of a second ago, where there is traffic.
    pub held: Credits,
    /// What gateways may spend without asking: `held`, what they have charged and the books do not have yet, and room.
    pub leased: Credits,
    /// What the user may do on the whole platform when signed in.
    pub role: Option<PlatformRole>,
    /// Since when the user can do nothing any more.
    pub deactivated_at: Option<Timestamp>,
}

/// Which users.
#[derive(Debug, Clone, Default)]
pub struct AccountFilter {
    /// Whose name holds this, in whatever case.
    pub search: Option<String>,
    /// Of this kind.
    pub kind: Option<UserKind>,
    /// Those who were deactivated, too.
    pub with_deactivated: bool,
}

const SELECT: &str =
    "select u.id, u.no, u.name, u.kind, u.created_at, u.deleted_at, b.balance, u.when_spent, u.role, l.held, l.leased
                      from users u join user_balances b on b.user_no = u.no
                      cross join lateral (select coalesce(sum(held), 0) as held, coalesce(sum(amount), 0) as leased
                                          from credit_leases where user_no = u.no and expires_at > clock_timestamp()) l";

/// Users but the system user, by name, behind `after`.
pub async fn page(
    tx: &Tx,
    filter: &AccountFilter,
    after: Option<&str>,
    limit: u32,
) -> Result<Page<Account>, StoreError> {
    check_text("the search", filter.search.as_deref().unwrap_or_default())?;
    let sql = format!(
        "{SELECT}
         where u.id <> $1 and ($2 or u.deleted_at is null) and ($3::text is null or u.kind = $3)
           and ($4::text is null or strpos(lower(u.name), lower($4)) > 0)
           and ($5::text is null or u.name collate \"C\" > $5 collate \"C\")
         order by u.name collate \"C\" limit $6"
    );
    let rows = tx
        .query(
            &sql,
            &[
                &UserId::SYSTEM.as_uuid(),
                &filter.with_deactivated,
                &filter.kind.map(UserKind::as_str),
                &filter.search,
                &after,
                &rows_for(limit),
            ],
        )
        .await?;
    Ok(Page::of(rows.iter().map(from_row).collect::<Result<_, _>>()?, limit))
}

/// The user with this id, deactivated or not.
pub async fn find(tx: &Tx, id: UserId) -> Result<Account, StoreError> {
    let row = tx.query_opt(&format!("{SELECT} where u.id = $1"), &[&id.as_uuid()]).await?;
    row.as_ref().map(from_row).transpose()?.ok_or_else(|| StoreError::not_found("there is no such user"))
}

/// Ends a user: every key of theirs is revoked, whoever is signed in is out, and nothing can be granted or created for them any more. Their name stays taken, and
/// what is in the books stays there. Doing it twice changes nothing.
pub async fn deactivate(tx: &Tx, id: UserId, actor: &str) -> Result<Account, StoreError> {
    if id == UserId::SYSTEM {
        return Err(StoreError::refused("the system user cannot be deactivated"));
    }
    let managers = Managers::hold(tx).await?;
    tx.execute("select 1 from users where id = $1 for update", &[&id.as_uuid()]).await?;
    let before = find(tx, id).await?;
    if before.deactivated_at.is_some() {
        return Ok(before);
    }
    for key in keys::live_of(tx, id).await? {
        keys::revoke(tx, key, actor).await?;
    }
    sessions::end_all(tx, id, None, actor).await?;
    sign_in_codes::forget(tx, id).await?;
    passwords::forget(tx, id).await?;
    identities::forget(tx, id).await?;
    tx.execute("update users set deleted_at = clock_timestamp() where id = $1", &[&id.as_uuid()]).await?;
    managers.check(tx).await?;
    let after = find(tx, id).await?;
    let logged = json!({ "deactivated_at": after.deactivated_at, "balance": after.balance });
    audit_log::write(tx, actor, "user.deactivate", &after.user.name, Some(json!(before.user)), Some(logged))
        .await?;
    Ok(after)
}

fn from_row(row: &Row) -> Result<Account, StoreError> {
    let kind: &str = row.try_get(3)?;
    let role: Option<&str> = row.try_get(8)?;
    let is_organization = kind == UserKind::Organization.as_str();
    Ok(Account {
        user: User {
            id: UserId::from_uuid(row.try_get(0)?),
            no: row.try_get(1)?,
            name: row.try_get(2)?,
            kind: if is_organization { UserKind::Organization } else { UserKind::Individual },
            created_at: row.try_get(4)?,
            when_spent: WhenSpent::from_stored(row.try_get(7)?),
        },
        role: role.map(str::parse).transpose()?,
        deactivated_at: row.try_get(5)?,
        balance: credits(row, 6)?,
        held: credits(row, 9)?,
        leased: credits(row, 10)?,
    })
}

fn credits(row: &Row, column: usize) -> Result<Credits, StoreError> {
    Ok(Credits::try_from(row.try_get::<_, Decimal>(column)?)?)
}
