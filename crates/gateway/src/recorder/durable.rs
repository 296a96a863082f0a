//! When what was handed to a sink is safe.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::future::BoxFuture;

/// Resolves when what was handed over survives what the sink promises to survive.
///
/// It only tells: the sink does its work whether or not this is polled, and also when it is dropped.
#[must_use = "nothing may be let go before it has resolved"]
pub struct Durable(Option<BoxFuture<'static, Result<(), NotDurable>>>);

/// It could not be made durable; the sink has said why in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the record could not be made durable")]
pub struct NotDurable;

impl Durable {
    /// For a sink that promises nothing more than it has done by now. Costs nothing.
    pub const fn already() -> Self {
        Self(None)
    }

    /// Once `future` has resolved.
    pub fn when(future: impl Future<Output = Result<(), NotDurable>> + Send + 'static) -> Self {
        Self(Some(Box::pin(future)))
    }

    /// Whether there is nothing to wait for.
    pub const fn is_already(&self) -> bool {
        self.0.is_none()
    }
}

impl Future for Durable {
    type Output = Result<(), NotDurable>;

    /// May be polled again after it has resolved, and answers the same.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Result<(), NotDurable>> {
        let Some(future) = &mut self.0 else { return Poll::Ready(Ok(())) };
        let result = ready!(future.as_mut().poll(cx));
        self.0 = result.err().map(|error| -> BoxFuture<'static, _> { Box::pin(async move { Err(error) }) });
        Poll::Ready(result)
    }
}

impl fmt::Debug for Durable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Durable").field("is_already", &self.is_already()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
