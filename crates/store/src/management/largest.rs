//! Which groups of a series were charged most, and where the sums of these and of all others together are read.
//!
//! Of a platform with thousands of keys, a chart shows twenty. So it is found out first which these are, from sums over all the time that is
//! asked of; then what is read of each bucket is the few rows of those twenty, by an index, and everything, in sums that tell nobody apart. All
//! others are the difference. Everything is read in one snapshot, so that is exact.

use tokio_postgres::types::ToSql;

use super::cells::{Cells, Only, Told};
use super::series::{MAX_GROUPS, SeriesGroup};
use crate::closed_hours::SUMS;
use crate::{StoreError, Tx};

/// The groups that a series tells apart.
#[derive(Debug)]
pub(super) struct Largest {
    /// The column of a cell that tells groups apart; `None`: nothing does.
    column: Option<&'static str>,
    /// Their numbers, the largest first.
    numbers: Vec<i32>,
    /// How many groups there are beside them.
    others: i64,
    /// The place of all others: one more than was asked for.
    place_of_others: i64,
    /// They are read for themselves, and all others are what is left of everything.
    is_apart: bool,
}

impl Largest {
    /// Finds the groups of all the time that `cells` are between.
    pub(super) async fn find(
        tx: &Tx,
        cells: &Cells,
        group_by: SeriesGroup,
        top: u32,
    ) -> Result<Self, StoreError> {
        let top = i64::from(top.clamp(1, MAX_GROUPS));
        let (column, is_of_owners) = match group_by {
            SeriesGroup::Nothing => (None, false),
            SeriesGroup::User => (Some("user_no"), true),
            SeriesGroup::Key => (Some("key_no"), true),
            SeriesGroup::Model => (Some("model_no"), false),
        };
        let is_apart = is_of_owners && cells.are_of_everyone();
        let largest = Self { column, numbers: vec![0], others: 0, place_of_others: top + 1, is_apart };
        let Some(column) = column else { return Ok(largest) };
        let told = Told { owners: is_of_owners, models: !is_of_owners };
        let sql = format!(
            "with cells as ({cells}),
             grouped as (
                 select r.{column} as group_no, sum(r.amount_pico) as amount_pico, sum(r.requests) as requests
                 from cells r group by 1 having sum(r.requests) <> 0)
             select array(select group_no from grouped order by amount_pico desc, requests desc, group_no limit $11::bigint),
                    (select count(*) from grouped)",
            cells = cells.select_all(told),
        );
        let mut parameters = cells.parameters().to_vec();
        parameters.push(&top);
        let row = tx.query_one(&sql, &parameters).await?;
        let (numbers, groups): (Vec<i32>, i64) = (row.try_get(0)?, row.try_get(1)?);
        let others = groups.saturating_sub(top).max(0);
        Ok(Self { numbers, others, ..largest })
    }

    /// A query of `columns` of cells, the sums, `group_no`, and `place`: 1 is the largest group; of all others, whose `group_no` is `null`, it is one
    /// more than was asked for. `select` makes a query of cells, with owners told apart or not.
    pub(super) fn rows(&self, columns: &[&str], select: impl Fn(bool, Only) -> String) -> String {
        let columns: Vec<String> = columns.iter().map(|column| format!("r.{column}")).collect();
        let columns = columns.join(", ");
        let sums = |sign: &str| SUMS.map(|sum| format!("{sign}r.{sum} as {sum}")).join(", ");
        let (added, taken_off) = (sums(""), sums("-"));
        let placed = "unnest($11::int[]) with ordinality as p (group_no, place)";
        let group = self.column.map_or("0".to_owned(), |column| format!("r.{column}"));
        let Some(column) = self.column.filter(|_| self.is_apart) else {
            // Nobody is told apart, or only few rows are read anyway.
            let owners = matches!(self.column, Some("user_no" | "key_no"));
            return format!(
                "select {columns}, {added}, p.group_no, coalesce(p.place, $12::bigint) as place
                 from ({cells}) r left join {placed} on p.group_no = {group}",
                cells = select(owners, Only::All),
            );
        };
        // Every parameter is named, also where there are no others.
        let of_largest = format!(
            "select {columns}, {added}, p.group_no, coalesce(p.place, $12::bigint) as place from of_largest r join {placed} on p.group_no = {group}"
        );
        let of_others = format!(
            "select {columns}, {added}, null::int, $12::bigint from ({everything}) r
             union all
             select {columns}, {taken_off}, null::int, $12::bigint from of_largest r",
            everything = select(false, Only::All),
        );
        format!(
            "with of_largest as materialized ({cells}) {of_largest}{of_others}",
            cells = select(true, Only::OneOf(column)),
            of_others = if self.others > 0 { format!(" union all {of_others}") } else { String::new() },
        )
    }

    /// For `$11` and `$12` of [`Largest::rows`].
    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 2] {
        [&self.numbers, &self.place_of_others]
    }

    /// How many groups are summed up at a place.
    pub(super) const fn groups_at(&self, place: i64) -> i64 {
        if place == self.place_of_others { self.others } else { 1 }
    }
}
