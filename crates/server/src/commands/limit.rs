//! `tollgate limit`: how much a key, a user or a model may ask for, and spend.

use std::collections::BTreeMap;

use jiff::civil::Date;
use serde::Serialize;
use tollgate_domain::{Clock, Credits, SpendWindow, start_of_day, utc_day};
use tollgate_store::limits::{self, LimitChange, Limited, Limits, Of};
use tollgate_store::{StoreError, Tx, spending};
use uuid::Uuid;

use super::{ACTOR, Session};
use crate::{
    cli::limit::{LimitClearArgs, LimitCommand, LimitOfArgs, LimitSetArgs, OptionalLimitOfArgs},
    output::{Answer, Column, or_none, table},
};

/// Limits, and what was spent of the caps in the windows that it is now.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    limited: Limited,
    spent: Spent,
}

/// Only of windows that are capped.
#[derive(Debug, Default, Serialize)]
struct Spent {
    daily: Option<Credits>,
    weekly: Option<Credits>,
    monthly: Option<Credits>,
}

pub(super) async fn answer(session: &Session, command: LimitCommand) -> anyhow::Result<Answer> {
    match command {
        LimitCommand::Set(args) => set(session, *args).await,
        LimitCommand::Clear(args) => clear(session, *args).await,
        LimitCommand::Show { of: OptionalLimitOfArgs { key, user, model } } => {
            show(session, named(&LimitOfArgs { key, user, model })).await
        }
    }
}

/// Whom the arguments name.
fn named(of: &LimitOfArgs) -> Option<(Of, String)> {
    let given = [(Of::Key, &of.key), (Of::User, &of.user), (Of::Model, &of.model)];
    given.into_iter().find_map(|(of, name)| Some((of, name.clone()?)))
}

async fn set(session: &Session, args: LimitSetArgs) -> anyhow::Result<Answer> {
    let change = LimitChange {
        requests_per_minute: args.requests_per_minute.map(Some),
        tokens_per_minute: args.tokens_per_minute.map(Some),
        concurrent_requests: args.concurrent_requests.map(Some),
        daily_cap: args.daily_cap.map(Some),
        weekly_cap: args.weekly_cap.map(Some),
        monthly_cap: args.monthly_cap.map(Some),
    };
    apply(session, &args.of, change).await
}

async fn clear(session: &Session, args: LimitClearArgs) -> anyhow::Result<Answer> {
    let change = LimitChange {
        requests_per_minute: args.requests_per_minute.then_some(None),
        tokens_per_minute: args.tokens_per_minute.then_some(None),
        concurrent_requests: args.concurrent_requests.then_some(None),
        daily_cap: args.daily_cap.then_some(None),
        weekly_cap: args.weekly_cap.then_some(None),
        monthly_cap: args.monthly_cap.then_some(None),
    };
    let change = if change == LimitChange::default() { LimitChange::TO_NONE } else { change };
    apply(session, &args.of, change).await
}

async fn apply(session: &Session, of: &LimitOfArgs, change: LimitChange) -> anyhow::Result<Answer> {
    let Some((of, name)) = named(of) else {
        anyhow::bail!("say whose limit it is: --key, --user or --model")
    };
    let apply = async |tx: Tx| limits::change(&tx, of, &name, &change, ACTOR).await;
    let limited = session.store.tx("change_limit", apply).await?;
    let text = format!("{} {} now has {}.", of.as_str(), limited.name, in_words(&limited.limits));
    Answer::new(&limited, text)
}

async fn show(session: &Session, of: Option<(Of, String)>) -> anyhow::Result<Answer> {
    let today = utc_day(session.clock.now());
    let from =
        SpendWindow::ALL.into_iter().map(|window| *window.around(today).start()).min().unwrap_or(today);
    let read = async |tx: Tx| {
        let limited = match &of {
            Some((of, name)) => vec![limits::find(&tx, *of, name).await?],
            None => limits::list(&tx).await?,
        };
        let only = limited.first().filter(|_| of.is_some()).map(|limited| limited.id);
        // Nobody is read who has no cap.
        let mut days = BTreeMap::<(Of, Uuid), Vec<(Date, Credits)>>::new();
        for spending::Spent { of, id, day, amount } in spending::since(&tx, start_of_day(from), only).await? {
            days.entry((of, id)).or_default().push((day, amount));
        }
        let mut shown = Vec::with_capacity(limited.len());
        for limited in limited {
            let days = days.remove(&(limited.of, limited.id)).unwrap_or_default();
            let spent = spent(&limited.limits, &days, today)?;
            shown.push(Shown { limited, spent });
        }
        Ok(shown)
    };
    let shown = session.store.tx_repeatable_read("show_limits", read).await?;
    let text = limit_table(&shown);
    match (of, shown.as_slice()) {
        (Some(_), [one]) => Answer::new(one, text),
        _ => Answer::new(&shown, text),
    }
}

fn spent(limits: &Limits, days: &[(Date, Credits)], today: Date) -> Result<Spent, StoreError> {
    let within = |window: SpendWindow, cap: Option<Credits>| {
        if cap.is_none() {
            return Ok(None);
        }
        let window = window.around(today);
        let within = days.iter().filter(|(day, _)| window.contains(day));
        let sum = within.map(|(_, amount)| *amount).try_fold(Credits::ZERO, Credits::checked_add);
        Ok::<_, StoreError>(Some(sum?))
    };
    Ok(Spent {
        daily: within(SpendWindow::Day, limits.daily_cap)?,
        weekly: within(SpendWindow::Week, limits.weekly_cap)?,
        monthly: within(SpendWindow::Month, limits.monthly_cap)?,
    })
}

fn limit_table(shown: &[Shown]) -> String {
    let columns = [
        Column::Text("OF"),
        Column::Text("NAME"),
        Column::Number("REQUESTS/MIN"),
        Column::Number("TOKENS/MIN"),
        Column::Number("AT ONCE"),
        Column::Number("DAILY"),
        Column::Number("WEEKLY"),
        Column::Number("MONTHLY"),
    ];
    let of_cap = |spent: Option<Credits>, cap: Option<Credits>| {
        or_none(cap.zip(spent).map(|(cap, spent)| format!("{spent} of {cap}")))
    };
    let rows = shown.iter().map(|Shown { limited: Limited { of, name, limits, .. }, spent }| {
        vec![
            of.as_str().to_owned(),
            if *of == Of::Key { format!("{name}…") } else { name.clone() },
            or_none(limits.requests_per_minute),
            or_none(limits.tokens_per_minute),
            or_none(limits.concurrent_requests),
            of_cap(spent.daily, limits.daily_cap),
            of_cap(spent.weekly, limits.weekly_cap),
            of_cap(spent.monthly, limits.monthly_cap),
        ]
    });
    table(&columns, rows, "No limit yet: tollgate limit set --key KEY --requests-per-minute N")
}

fn in_words(limits: &Limits) -> String {
    let Limits { requests_per_minute, tokens_per_minute, concurrent_requests, .. } = *limits;
    let parts = [
        requests_per_minute.map(|limit| format!("{limit} requests a minute")),
        tokens_per_minute.map(|limit| format!("{limit} tokens a minute")),
        concurrent_requests.map(|limit| format!("{limit} requests at once")),
        limits.daily_cap.map(|cap| format!("{cap} credits a day")),
        limits.weekly_cap.map(|cap| format!("{cap} credits a week")),
        limits.monthly_cap.map(|cap| format!("{cap} credits a month")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "no limits".to_owned() } else { parts.join(", ") }
}
