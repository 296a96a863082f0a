#![doc = include_str!("../README.md")]

pub mod cli;
mod clock;
pub mod config;

pub use clock::SystemClock;
