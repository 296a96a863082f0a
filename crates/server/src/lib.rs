#![doc = include_str!("../README.md")]

mod app;
pub mod cli;
mod clock;
pub mod config;
mod data_dir;
mod database;
mod master_key;
pub mod output;

pub use clock::SystemClock;
