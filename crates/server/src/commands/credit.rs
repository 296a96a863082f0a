//! `tollgate credit`: giving and taking. A source id is entered once, however often it is sent.

use tollgate_store::Tx;
use tollgate_store::movements::{self, MovementKind, NewMovement};

use super::{ACTOR, Session};
use crate::{
    cli::{CreditArgs, CreditCommand},
    output::Answer,
};

pub(super) async fn answer(session: &Session, command: CreditCommand) -> anyhow::Result<Answer> {
    match command {
        CreditCommand::Grant(args) => apply(session, MovementKind::AdminGrant, args).await,
        CreditCommand::Remove(args) => apply(session, MovementKind::AdminRemoval, args).await,
    }
}

async fn apply(session: &Session, kind: MovementKind, args: CreditArgs) -> anyhow::Result<Answer> {
    let CreditArgs { user, amount, source_id, description } = args;
    let movement = NewMovement { user: user.clone(), kind, amount, source_id, description };
    let apply = async |tx: Tx| movements::apply(&tx, &movement, ACTOR).await;
    let applied = session.store.tx("move_credits", apply).await?;
    let done = match (applied.already, kind) {
        (true, _) => "This source had been entered before; nothing changed.".to_owned(),
        (false, MovementKind::AdminRemoval) => format!("Took {amount} credits from {user}."),
        (false, _) => format!("Gave {amount} credits to {user}."),
    };
    Answer::new(&applied, format!("{done} The balance is {}.", applied.balance))
}
