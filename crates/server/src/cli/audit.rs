//! `tollgate audit`.

use clap::Args;
use tollgate_store::audit_log::ChainHead;

/// What an audit is told.
#[derive(Debug, Clone, Copy, Args)]
pub struct AuditArgs {
    /// A head of the audit log that was noted after an earlier audit, or from the management API. The log must still begin with what it
    /// was then: that its end was cut off, or all of it written anew, shows by this alone.
    #[arg(long, value_name = "NUMBER:DIGEST")]
    pub noted_head: Option<ChainHead>,
}
