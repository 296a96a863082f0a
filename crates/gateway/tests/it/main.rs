//! The gateway through real HTTP: a real client, the scripted upstream, and records kept in memory.

mod admission;
mod batch;
mod credentials;
mod disconnect;
mod house;
mod limits;
mod models;
mod requests;
mod responses;
mod serving;
