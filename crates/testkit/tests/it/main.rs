//! The test tools, tested.

#[cfg(test)]
mod client;
#[cfg(test)]
mod databases;
#[cfg(test)]
mod faults;
#[cfg(test)]
mod formats;
#[cfg(test)]
mod proxy;
#[cfg(test)]
mod recordings;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod slow;
