//! `credit_movements`: every ledger entry that is not usage. Positive amounts; the type says which way they go.
//!
//! The source id is unique among all movements and makes them idempotent: the same one again with the same content
//! changes nothing and says so, with another content it is refused.

use std::str::FromStr;

use jiff::Timestamp;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio_postgres::Row;
use tollgate_domain::{Credits, UserId};
use uuid::Uuid;

use crate::text::{check_name, check_text};
use crate::{ErrorClass, StoreError, Tx, audit_log, balances, leases, ledger, notify, overdrafts, users};

/// What a movement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MovementKind {
    /// Bought.
    Purchase,
    /// Given by an administrator.
    AdminGrant,
    /// Taken by an administrator.
    AdminRemoval,
    /// Given to set something right.
    Adjustment,
    /// Given back.
    Refund,
    /// Lapsed.
    Expiry,
}

impl MovementKind {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::Purchase, Self::AdminGrant, Self::AdminRemoval, Self::Adjustment, Self::Refund, Self::Expiry];

    /// The name, as stored.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Purchase => "purchase",
            Self::AdminGrant => "admin_grant",
            Self::AdminRemoval => "admin_removal",
            Self::Adjustment => "adjustment",
            Self::Refund => "refund",
            Self::Expiry => "expiry",
        }
    }

    /// What a movement of `amount` adds to the balance; the SQL function `movement_sign` says the same.
    pub const fn delta(self, amount: Credits) -> Credits {
        match self {
            Self::AdminRemoval | Self::Expiry => amount.negated(),
            Self::Purchase | Self::AdminGrant | Self::Adjustment | Self::Refund => amount,
        }
    }
}

impl FromStr for MovementKind {
    type Err = StoreError;

    fn from_str(text: &str) -> Result<Self, StoreError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or_else(|| {
            StoreError::refused(format!(
                "`{text}` is no type of movement; one of purchase, admin_grant, admin_removal, adjustment, refund, expiry"
            ))
        })
    }
}

/// A movement to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMovement {
    /// Name or id of the user.
    pub user: String,
    /// What it is.
    pub kind: MovementKind,
    /// More than zero.
    pub amount: Credits,
    /// Unique: an invoice, an order, whatever caused it.
    pub source_id: String,
    /// For people; may be empty, but for an adjustment, which needs a reason.
    pub description: String,
}

/// A movement as entered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Movement {
    /// The entry.
    pub id: Uuid,
    /// Whose.
    pub user_id: UserId,
    /// What it is.
    #[serde(rename = "type")]
    pub kind: MovementKind,
    /// More than zero.
    pub amount: Credits,
    /// What caused it.
    pub source_id: String,
    /// For people.
    pub description: String,
    /// By the database's clock.
    pub created_at: Timestamp,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Applied {
    /// The entry.
    pub movement: Movement,
    /// It had been entered before; nothing changed.
    pub already: bool,
    /// The balance now.
    pub balance: Credits,
}

const COLUMNS: &str = "id, user_id, type, amount, source_id, description, created_at";

/// Enters the movement and moves the balance, in one transaction, and wakes the gateways when that commits.
pub async fn apply(tx: &Tx, new: &NewMovement, actor: &str) -> Result<Applied, StoreError> {
    check_name("the source id", &new.source_id)?;
    check_text("the description", &new.description)?;
    if !new.amount.is_positive() {
        return Err(StoreError::refused(format!(
            "the amount is {}; give one above zero, the type of the movement says which way it goes",
            new.amount
        )));
    }
    if new.kind == MovementKind::Adjustment && new.description.trim().is_empty() {
        return Err(StoreError::refused("an adjustment needs a reason; say why in its description"));
    }
    let user = users::find(tx, &new.user).await?;
    if user.id == UserId::SYSTEM {
        return Err(StoreError::refused("the system user has no ledger: it is recorded and never charged"));
    }
    // Waits for a concurrent transaction with the same source id, so its row is visible afterwards.
    let sql = format!(
        "insert into credit_movements (id, user_id, type, amount, source_id, description)
         values ($1, $2, $3, $4, $5, $6) on conflict (source_id) do nothing returning {COLUMNS}"
    );
    let amount = new.amount.to_decimal();
    let inserted = tx
        .query_opt(
            &sql,
            &[
                &Uuid::now_v7(),
                &user.id.as_uuid(),
                &new.kind.as_str(),
                &amount,
                &new.source_id,
                &new.description,
            ],
        )
        .await?;
    let Some(row) = inserted else { return entered_before(tx, new, user.id).await };
    let movement = from_row(&row)?;
    // A first lease that is granted from the balance as it was is seen here, or this is seen there.
    leases::keep_out(tx, &[user.no]).await?;
    let changes =
        ledger::apply_deltas(tx, &[(user.no, new.kind.delta(new.amount))]).await.map_err(|error| {
            if error.class() == ErrorClass::Poison {
                StoreError::refused(format!(
                    "the balance of \"{}\" would leave the range of ±9999999999999999.999999999999 credits",
                    user.name
                ))
            } else {
                error
            }
        })?;
    overdrafts::add_unheld(tx, &changes).await?;
    overdrafts::add_rises(tx, &changes).await?;
    let balance = changes.first().map_or(Credits::ZERO, |change| change.after);
    notify::notify_balances(tx, movement.created_at.as_microsecond()).await?;
    let after = json!({ "movement": movement, "balance": balance });
    audit_log::write(tx, actor, &format!("credit.{}", new.kind.as_str()), &user.name, None, Some(after))
        .await?;
    Ok(Applied { movement, already: false, balance })
}

async fn entered_before(tx: &Tx, new: &NewMovement, user: UserId) -> Result<Applied, StoreError> {
    let sql = format!("select {COLUMNS} from credit_movements where source_id = $1");
    let movement = from_row(&tx.query_one(&sql, &[&new.source_id]).await?)?;
    let difference = [
        ("user", movement.user_id != user),
        ("type", movement.kind != new.kind),
        ("amount", movement.amount != new.amount),
        ("description", movement.description != new.description),
    ]
    .into_iter()
    .find_map(|(what, differs)| differs.then_some(what));
    if let Some(what) = difference {
        return Err(StoreError::conflict(format!(
            "source id \"{}\" is taken by a movement of {} credits ({}) with another {what}; nothing was changed, use a new \
             source id",
            new.source_id,
            movement.amount,
            movement.kind.as_str()
        )));
    }
    Ok(Applied { movement, already: true, balance: balances::of(tx, user).await? })
}

fn from_row(row: &Row) -> Result<Movement, StoreError> {
    Ok(Movement {
        id: row.try_get(0)?,
        user_id: UserId::from_uuid(row.try_get(1)?),
        kind: row.try_get::<_, &str>(2)?.parse()?,
        amount: Credits::try_from(row.try_get::<_, Decimal>(3)?)?,
        source_id: row.try_get(4)?,
        description: row.try_get(5)?,
        created_at: row.try_get(6)?,
    })
}
