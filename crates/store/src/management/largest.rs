//! Which groups of a series were charged most, and where the sums of these and of all others together are read.
//!
//! Of a platform with thousands of keys, a chart shows twenty. So it is found out first which these are, from sums over all the time that is
//! asked of; then what is read of each bucket is the few rows of those twenty, by an index, and everything, in sums that tell nobody apart. All
//! others are the difference. Everything is read in one snapshot, so that is exact.

use tokio_postgres::types::ToSql;

use super::cells::{Cells, Only, Told, added_up, columns};
use super::series::{MAX_GROUPS, SeriesGroup};
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

/// What a series reads, and what it tells apart beside time and groups.
#[derive(Debug, Default)]
pub(super) struct With<'a> {
    /// Sums of cells.
    pub(super) sums: &'a [&'a str],
    /// A column of `j`.
    pub(super) key: Option<&'a str>,
    /// Joins cells, `r`, with `j`.
    pub(super) join: &'a str,
    /// Where nobody is told apart: no two cells are of the same time, group and key, so there is nothing to add up.
    pub(super) are_single: bool,
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
        let told = Told { owners: is_of_owners, models: !is_of_owners, sums: &["requests", "amount_pico"] };
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

    /// A query of `starts_at`, `place`, `group_no`, the key of `with`, and the sums of each of these, where there are requests. Place 1 is the largest
    /// group; of all others, whose `group_no` is `null`, it is one more than was asked for. `select` makes a query of cells, with owners told apart
    /// or not.
    ///
    /// The largest are added up before they are taken off everything, so that their rows are read, and kept, once.
    pub(super) fn sums(&self, with: &With<'_>, select: impl Fn(bool, Only) -> String) -> String {
        let With { sums, key, join, are_single } = with;
        let key_of = |table: &str| key.map_or(String::new(), |key| format!(", {table}.{key}"));
        let keys = if key.is_some() { "1, 2, 3, 4" } else { "1, 2, 3" };
        let group = self.column.map_or("0".to_owned(), |column| format!("r.{column}"));
        // Every parameter is named in each of these queries.
        let of_groups = |sums: &str, cells: &str, kind: &str| {
            format!(
                "select r.starts_at, coalesce(g.place, $12::bigint) as place, g.group_no{key}, {sums}
                 from ({cells}) r {kind} join unnest($11::int[]) with ordinality as g (group_no, place) on g.group_no = {group} {join}",
                key = key_of("j"),
            )
        };
        let Some(column) = self.column.filter(|_| self.is_apart) else {
            // Nobody is told apart, or only few rows are read anyway.
            let cells = select(matches!(self.column, Some("user_no" | "key_no")), Only::All);
            return if *are_single {
                format!("{} where r.requests <> 0", of_groups(&columns("r", sums, ""), &cells, "left"))
            } else {
                format!(
                    "{} group by {keys} having sum(r.requests) <> 0",
                    of_groups(&added_up("r", sums), &cells, "left")
                )
            };
        };
        let of_others = format!(
            " union all
             select o.starts_at, $12::bigint, null::int{key}, {sums}
             from (select r.starts_at{key_joined}, {added} from ({everything}) r {join}
                   union all
                   select l.starts_at{key_of_largest}, {taken_off} from of_largest l) o
             group by {keys} having sum(o.requests) <> 0",
            key = key_of("o"),
            key_joined = key_of("j"),
            key_of_largest = key_of("l"),
            sums = added_up("o", sums),
            everything = select(false, Only::All),
            added = columns("r", sums, ""),
            taken_off = columns("l", sums, "-"),
        );
        format!(
            "with of_largest as materialized ({of_largest} group by {keys})
             select * from of_largest where requests <> 0{of_others}",
            of_largest = of_groups(&added_up("r", sums), &select(true, Only::OneOf(column)), ""),
            of_others = if self.others > 0 { of_others } else { String::new() },
        )
    }

    /// For `$11` and `$12` of [`Largest::sums`].
    pub(super) fn parameters(&self) -> [&(dyn ToSql + Sync); 2] {
        [&self.numbers, &self.place_of_others]
    }

    /// How many groups are summed up at a place.
    pub(super) const fn groups_at(&self, place: i64) -> i64 {
        if place == self.place_of_others { self.others } else { 1 }
    }
}
