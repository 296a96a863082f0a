//! The test tools, tested.

#[cfg(test)]
mod databases;
