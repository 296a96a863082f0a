//! tollgate-embedded-postgres
