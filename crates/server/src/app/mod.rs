//! The running server.

mod health;
mod supervise;
