//! The parameters of these endpoints. Lists come as `name=a&name=b` or, as OpenAI's clients send them, `name[]=a&name[]=b`.

use std::collections::HashMap;
use std::str::FromStr;

use jiff::Timestamp;
use tollgate_domain::{ApiKeyId, UserId};
use tollgate_store::management::usage::{BucketQuery, BucketWidth, Grouping, UsageKind};

use crate::problem::Problem;

/// Most values in one list.
const MAX_VALUES: usize = 100;

/// What one of the endpoints takes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Takes {
    /// Every parameter by name.
    pub(super) parameters: &'static [&'static str],
    /// What may be told apart.
    pub(super) groups: &'static [&'static str],
    /// Widths, the usual number of buckets in a page, and the most.
    pub(super) widths: &'static [(&'static str, BucketWidth, u32, u32)],
    /// Of which kind of usage.
    pub(super) kind: Option<UsageKind>,
    /// Whether it tells what was charged.
    pub(super) with_amount: bool,
}

/// What was asked for.
#[derive(Debug)]
pub(super) struct Asked {
    pub(super) start: Timestamp,
    pub(super) end: Option<Timestamp>,
    pub(super) width: BucketWidth,
    pub(super) limit: u32,
    pub(super) page: Option<String>,
    pub(super) filter: BucketQuery,
}

type Values = HashMap<String, Vec<String>>;

impl Asked {
    /// Reads a query.
    pub(super) fn parse(query: Option<&str>, takes: Takes) -> Result<Self, Problem> {
        let values = values(query.unwrap_or_default(), takes)?;
        let Some(start) = one::<i64>(&values, "start_time")? else {
            return Err(Problem::bad_request("`start_time` is missing: Unix seconds, inclusive"));
        };
        let (start, end) = (instant("start_time", start)?, one::<i64>(&values, "end_time")?);
        let end = end.map(|end| instant("end_time", end)).transpose()?;
        if end.is_some_and(|end| end <= start) {
            return Err(Problem::bad_request("`end_time` is not after `start_time`"));
        }
        let (width, usual, most) = width(&values, takes)?;
        let limit = one::<u32>(&values, "limit")?.unwrap_or(usual);
        if !(1..=most).contains(&limit) {
            return Err(Problem::bad_request(format!(
                "`limit` is {limit}; give 1 to {most} for this bucket_width"
            )));
        }
        if values.contains_key("project_ids") {
            return Err(Problem::bad_request(
                "`project_ids`: there are no projects here; filter by users or keys",
            ));
        }
        let filter = BucketQuery {
            scope: None,
            users: many::<UserId>(&values, "user_ids")?,
            api_keys: many::<ApiKeyId>(&values, "api_key_ids")?,
            // A line of the costs is a model.
            models: [many::<String>(&values, "models")?, many::<String>(&values, "line_items")?].concat(),
            batch: one::<bool>(&values, "batch")?,
            kind: takes.kind,
            grouping: grouping(&values, takes)?,
            with_amount: takes.with_amount,
        };
        Ok(Self { start, end, width, limit, page: one(&values, "page")?, filter })
    }
}

fn values(query: &str, takes: Takes) -> Result<Values, Problem> {
    let mut values = Values::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let name = name.strip_suffix("[]").unwrap_or(&name);
        if !takes.parameters.contains(&name) {
            let known = takes.parameters.join(", ");
            return Err(Problem::bad_request(format!("`{name}` is not a parameter here; one of {known}")));
        }
        let list = values.entry(name.to_owned()).or_default();
        if list.len() >= MAX_VALUES {
            return Err(Problem::bad_request(format!("`{name}` has more than {MAX_VALUES} values")));
        }
        if value.chars().any(char::is_control) {
            return Err(Problem::bad_request(format!("`{name}` has a control character in it")));
        }
        list.push(value.into_owned());
    }
    Ok(values)
}

fn one<T: FromStr>(values: &Values, name: &str) -> Result<Option<T>, Problem> {
    match values.get(name).map(Vec::as_slice) {
        None => Ok(None),
        Some([value]) => parse(name, value).map(Some),
        Some(_) => Err(Problem::bad_request(format!("`{name}` is there more than once"))),
    }
}

fn many<T: FromStr>(values: &Values, name: &str) -> Result<Vec<T>, Problem> {
    values.get(name).into_iter().flatten().map(|value| parse(name, value)).collect()
}

fn parse<T: FromStr>(name: &str, value: &str) -> Result<T, Problem> {
    value.parse().map_err(|_| Problem::bad_request(format!("`{name}` is `{value}`, which cannot be read")))
}

fn instant(name: &str, seconds: i64) -> Result<Timestamp, Problem> {
    // Before 1970 and after 9000 there are no requests, and PostgreSQL's days would end.
    const LATEST: i64 = 221_845_392_000;
    let at = Timestamp::from_second(seconds).ok().filter(|_| (0..=LATEST).contains(&seconds));
    at.ok_or_else(|| Problem::bad_request(format!("`{name}` is {seconds}: no Unix seconds of any request")))
}

fn width(values: &Values, takes: Takes) -> Result<(BucketWidth, u32, u32), Problem> {
    let wanted = one::<String>(values, "bucket_width")?.unwrap_or_else(|| "1d".to_owned());
    if let Some((_, width, usual, most)) = takes.widths.iter().find(|(name, ..)| *name == wanted) {
        return Ok((*width, *usual, *most));
    }
    let known: Vec<&str> = takes.widths.iter().map(|(name, ..)| *name).collect();
    Err(Problem::bad_request(format!("`bucket_width` is `{wanted}`; one of {}", known.join(", "))))
}

fn grouping(values: &Values, takes: Takes) -> Result<Grouping, Problem> {
    let mut grouping = Grouping::default();
    for group in many::<String>(values, "group_by")? {
        if !takes.groups.contains(&group.as_str()) {
            let known = takes.groups.join(", ");
            return Err(Problem::bad_request(format!("`group_by` has `{group}`; one of {known}")));
        }
        match group.as_str() {
            "user_id" => grouping.user = true,
            "api_key_id" => grouping.api_key = true,
            "model" | "line_item" => grouping.model = true,
            "batch" => grouping.batch = true,
            // Nobody has one, so nothing is told apart by it.
            _ => {}
        }
    }
    Ok(grouping)
}

#[cfg(test)]
mod tests;
