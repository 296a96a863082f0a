//! tollgate-metering
