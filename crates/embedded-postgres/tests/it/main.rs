//! A private server, against the real PostgreSQL of this machine.

#[cfg(test)]
mod fetched;
#[cfg(test)]
mod lifetime;
#[cfg(test)]
mod ownership;
#[cfg(test)]
mod support;
