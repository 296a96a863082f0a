//! A thread's desk: where it is told, at one go, of all of its records that became durable together.
//!
//! Without one, the writer wakes each task that waits by itself, and a task of another thread's runtime is woken through the kernel: as many
//! calls as there are records in a commit. With one it wakes the thread once, which wakes its tasks.

use std::{cell::RefCell, sync::Arc};

use parking_lot::Mutex;
use tokio::sync::{Notify, oneshot};

use crate::{Position, SpoolError};

/// What became of a record, and who waits to be told.
pub(crate) type Outcome = Result<Position, SpoolError>;
pub(crate) type Waiter = oneshot::Sender<Outcome>;
type Told = (Waiter, Outcome);

thread_local! {
    static MINE: RefCell<Option<Arc<Desk>>> = const { RefCell::new(None) };
}

/// Where outcomes are laid down for a thread.
#[derive(Debug)]
pub(crate) struct Desk {
    /// `None`: nobody attends any more.
    laid_down: Mutex<Option<Vec<Told>>>,
    bell: Notify,
}

/// Tells tasks of this thread what became of the records that they append from now on: all of one commit at once. Never ends; where it is
/// dropped, or was never run, each is told by itself.
pub async fn attend() {
    let attending = Attending::begin();
    loop {
        attending.0.bell.notified().await;
        let outcomes = attending.0.laid_down.lock().as_mut().map(std::mem::take);
        tell_each(outcomes.into_iter().flatten());
    }
}

/// That of this thread, if somebody attends to one.
pub(crate) fn mine() -> Option<Arc<Desk>> {
    MINE.with_borrow(Clone::clone)
}

/// Tells each waiter, by way of its desk if it has one.
pub(crate) fn tell(outcomes: impl Iterator<Item = (Option<Arc<Desk>>, Waiter, Outcome)>) {
    // As many as there are threads that attend.
    let mut desks: Vec<(Arc<Desk>, Vec<Told>)> = Vec::new();
    for (desk, waiter, outcome) in outcomes {
        let Some(desk) = desk else {
            tell_each([(waiter, outcome)].into_iter());
            continue;
        };
        match desks.iter_mut().find(|(known, _)| Arc::ptr_eq(known, &desk)) {
            Some((_, on_it)) => on_it.push((waiter, outcome)),
            None => desks.push((desk, vec![(waiter, outcome)])),
        }
    }
    for (desk, outcomes) in desks {
        desk.lay_down(outcomes);
    }
}

/// Whoever has gone does not want to know.
fn tell_each(outcomes: impl Iterator<Item = Told>) {
    for (waiter, outcome) in outcomes {
        waiter.send(outcome).ok();
    }
}

impl Desk {
    fn lay_down(&self, outcomes: Vec<Told>) {
        let refused = match &mut *self.laid_down.lock() {
            Some(laid_down) => {
                laid_down.extend(outcomes);
                None
            }
            None => Some(outcomes),
        };
        match refused {
            None => self.bell.notify_one(),
            Some(outcomes) => tell_each(outcomes.into_iter()),
        }
    }
}

/// While somebody attends to a desk.
struct Attending(Arc<Desk>);

impl Attending {
    fn begin() -> Self {
        let desk = Arc::new(Desk { laid_down: Mutex::new(Some(Vec::new())), bell: Notify::new() });
        MINE.set(Some(Arc::clone(&desk)));
        Self(desk)
    }
}

impl Drop for Attending {
    fn drop(&mut self) {
        let leave = |mine: &RefCell<Option<Arc<Desk>>>| {
            mine.borrow_mut().take_if(|mine| Arc::ptr_eq(mine, &self.0));
        };
        // A thread on its way out may have none any more.
        MINE.try_with(leave).ok();
        let left = self.0.laid_down.lock().take();
        tell_each(left.into_iter().flatten());
    }
}

#[cfg(test)]
mod tests;
