//! The audit: proof, row by row and sum by sum, that the books are right.
//!
//! Nothing stored is trusted where it can be computed again. Each record is charged anew, at the tariff selected anew among those that
//! were known when it was rated, from token counts that its keyed digest vouches for. Balances are compared with the ledger,
//! rollups with the records, and sums of closed hours with the rollups.
//!
//! [`audit`] does that for all there is, on demand. [`IncrementalAudit`] does it for what is new, pass after pass, beside a server.

mod books;
mod config;
mod incremental;
mod report;
mod whole;

pub use config::AuditConfig;
pub use incremental::{Checked, IncrementalAudit, MAX_RECORDS, Pass, Reason};
pub use report::{AuditReport, DayDifference, Finding, InstanceReport, RecordId, Rule, Timings};
pub use whole::{audit, audit_against};
