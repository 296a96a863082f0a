//! `tollgate limit`: how much a key, a user or a model may ask for, and spend.

use tollgate_store::Tx;
use tollgate_store::limits::{self, LimitChange, Limited, Limits, Of};

use super::{ACTOR, Session};
use crate::{
    cli::limit::{LimitClearArgs, LimitCommand, LimitOfArgs, LimitSetArgs, OptionalLimitOfArgs},
    output::{Answer, Column, or_none, table},
};

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
    let read = async |tx: Tx| match &of {
        Some((of, name)) => Ok(vec![limits::find(&tx, *of, name).await?]),
        None => limits::list(&tx).await,
    };
    let limited = session.store.tx("show_limits", read).await?;
    let text = limit_table(&limited);
    match (of, limited.as_slice()) {
        (Some(_), [one]) => Answer::new(one, text),
        _ => Answer::new(&limited, text),
    }
}

fn limit_table(limited: &[Limited]) -> String {
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
    let rows = limited.iter().map(|Limited { of, name, limits, .. }| {
        vec![
            of.as_str().to_owned(),
            if *of == Of::Key { format!("{name}…") } else { name.clone() },
            or_none(limits.requests_per_minute),
            or_none(limits.tokens_per_minute),
            or_none(limits.concurrent_requests),
            or_none(limits.daily_cap),
            or_none(limits.weekly_cap),
            or_none(limits.monthly_cap),
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
