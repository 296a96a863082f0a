//! What a user was given and has used in all, and what a key has used: from movements, balances and the hourly sums.

use jiff::Timestamp;
use rust_decimal::Decimal;
use tokio_postgres::Row;
use tollgate_domain::{Credits, UserId};

use crate::{StoreError, Tx};

/// What a user was given and has used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UserSpending {
    /// Given, less what was taken by hand.
    pub given: Credits,
    /// What requests cost: `given` less the balance.
    pub used: Credits,
}

/// What a key has used, by days of UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeySpending {
    /// Since it was made.
    pub total: Credits,
    /// On the day of `now`.
    pub today: Credits,
    /// Since Monday.
    pub this_week: Credits,
    /// Since the first of the month.
    pub this_month: Credits,
}

/// Call it in a transaction with one snapshot: movements and balance must belong together.
pub async fn of_user(tx: &Tx, user: UserId) -> Result<UserSpending, StoreError> {
    let sql = "select coalesce((select sum(amount * movement_sign(type)) from credit_movements where user_id = $1), 0)
                          ::numeric(28, 12),
                      (select balance from user_balances where user_id = $1)";
    let row = tx.query_one(sql, &[&user.as_uuid()]).await?;
    let (given, balance) = (credits(&row, 0)?, credits(&row, 1)?);
    Ok(UserSpending { given, used: given.checked_sub(balance)? })
}

/// Of the key with this number in the books. Sums are found by who pays, which is its owner for as long as there is a key.
pub async fn of_key(tx: &Tx, key_no: i32, now: Timestamp) -> Result<KeySpending, StoreError> {
    let since = |unit: &str| format!("filter (where hour >= date_trunc('{unit}', $2::timestamptz, 'UTC'))");
    let sum =
        |filter: &str| format!("(coalesce(sum(amount_pico) {filter}, 0) * 0.000000000001)::numeric(28, 12)");
    let sql = format!(
        "select {}, {}, {}, {} from usage_rollups
         where key_no = $1
           and user_no = (select u.no from api_keys k join users u on u.id = k.user_id where k.no = $1)",
        sum(""),
        sum(&since("day")),
        sum(&since("week")),
        sum(&since("month"))
    );
    let row = tx.query_one(&sql, &[&key_no, &now]).await?;
    Ok(KeySpending {
        total: credits(&row, 0)?,
        today: credits(&row, 1)?,
        this_week: credits(&row, 2)?,
        this_month: credits(&row, 3)?,
    })
}

fn credits(row: &Row, column: usize) -> Result<Credits, StoreError> {
    Ok(Credits::try_from(row.try_get::<_, Decimal>(column)?)?)
}
