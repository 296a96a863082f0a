//! Brings the schema up to date, or, for a role that may not, makes sure that it is.

use refinery::Migration;
use tokio_postgres::Client;

use crate::connect::Limits;
use crate::liveness::Session;
use crate::{Store, StoreError, Tx};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// Held for the whole session of a migration, so that gateways that start together migrate one after the other.
const MIGRATION_LOCK: i64 = 0x746f_6c6c_0000_0001;

impl Store {
    /// Applies what is missing of the schema; a no-op where nothing is. Safe to run from many processes at once.
    ///
    /// A role that may make nothing in the schema is content with one that is up to date, and says so of any other
    /// ([`StoreError::SchemaDiffers`]). A schema that a later version made is refused to every role.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let mut client = self.connector.open(Limits::None, |_| ()).await?;
        let session = Session::from_row(&client.query_one(Session::QUERY, &[]).await?)?;
        let migrating = async {
            client.execute("select pg_advisory_lock($1)", &[&MIGRATION_LOCK]).await?;
            let failed = |error| StoreError::Migration(Box::new(error));
            let runner = embedded::migrations::runner();
            let rights = Rights::of(&client).await?;
            let applied = if rights.may_read_history {
                runner.get_applied_migrations_async(&mut client).await.map_err(failed)?
            } else {
                Vec::new()
            };
            refuse_unknown(runner.get_migrations(), &applied)?;
            if !rights.may_migrate {
                refuse_missing(runner.get_migrations(), &applied)?;
                return Ok(Vec::new());
            }
            let report = runner.run_async(&mut client).await.map_err(failed)?;
            Ok::<_, StoreError>(report.applied_migrations().clone())
        };
        // However long it takes, but not for a server that is not there any more.
        let applied = tokio::select! {
            biased;
            migrated = migrating => migrated?,
            lost = self.until_pointless("migrate", &session) => return Err(lost),
        };
        for migration in applied {
            tracing::info!(%migration, "applied a migration");
        }
        Ok(())
    }
}

/// The number of the last migration that the database has had.
pub async fn version(tx: &Tx) -> Result<i32, StoreError> {
    let sql = "select max(version) from refinery_schema_history";
    Ok(tx.query_one(sql, &[]).await?.try_get::<_, Option<i32>>(0)?.unwrap_or(0))
}

/// What the role of a session may do about migrations.
struct Rights {
    may_migrate: bool,
    may_read_history: bool,
}

impl Rights {
    async fn of(client: &Client) -> Result<Self, StoreError> {
        let sql = "select coalesce(has_schema_privilege(current_schema(), 'create'), true),
                          coalesce(has_table_privilege(to_regclass('refinery_schema_history'), 'select'), false)";
        let row = client.query_one(sql, &[]).await?;
        Ok(Self { may_migrate: row.try_get(0)?, may_read_history: row.try_get(1)? })
    }
}

/// A schema that another version of this program made is not ours to work on.
fn refuse_unknown(known: &[Migration], applied: &[Migration]) -> Result<(), StoreError> {
    let unknown = names_of(applied, known);
    if unknown.is_empty() {
        return Ok(());
    }
    Err(StoreError::SchemaDiffers(format!(
        "the database has migrations that this version does not know: {unknown}. Use the version that made them, or a later one"
    )))
}

fn refuse_missing(known: &[Migration], applied: &[Migration]) -> Result<(), StoreError> {
    let missing = names_of(known, applied);
    if missing.is_empty() {
        return Ok(());
    }
    Err(StoreError::SchemaDiffers(format!(
        "the database lacks migrations that this role may not make: {missing}. Run `tollgate migrate` as the owner of the schema"
    )))
}

/// Those that are not among the `others`.
fn names_of(migrations: &[Migration], others: &[Migration]) -> String {
    let names = migrations.iter().filter(|one| !others.contains(one)).map(ToString::to_string);
    names.collect::<Vec<_>>().join(", ")
}
