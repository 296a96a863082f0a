//! tollgate-gateway
pub mod usage;
pub mod wire;
