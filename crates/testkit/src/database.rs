//! A database per test, cloned from a template to which the migrations were applied once.

use std::{future::Future, path::Path};

use tokio_postgres::{Client, NoTls, error::SqlState};

use tollgate_store::{Store, StoreConfig};

use crate::TestPostgres;

/// A fresh database on the shared server; dropped with this value. Set `TOLLGATE_KEEP_TEST_DATABASES` to look at it
/// afterwards.
#[derive(Debug)]
pub struct TestDatabase {
    name: String,
    url: String,
    admin_url: &'static str,
}

impl TestDatabase {
    /// A database with Tollgate's schema.
    pub async fn create() -> Self {
        let migrations = Path::new(env!("CARGO_MANIFEST_DIR")).join("../store/migrations");
        let key = template_key(&migrations);
        Self::create_with(&key, async |url| {
            let store = Store::connect(&StoreConfig::new(url)).expect("the test server's URL is right");
            store.migrate().await.expect("the migrations apply");
        })
        .await
    }

    /// A database without any table.
    pub async fn empty() -> Self {
        Self::create_with("empty", async |_| ()).await
    }

    /// A database cloned from the template `key`, which `migrate` fills when it is not there yet. `migrate` gets the
    /// URL of an empty database and must have closed its connections when it returns.
    pub async fn create_with<F>(key: &str, migrate: impl FnOnce(String) -> F) -> Self
    where
        F: Future<Output = ()>,
    {
        let admin_url = TestPostgres::shared().await.url();
        let admin = connect(admin_url).await;
        drop_leftovers(&admin).await;
        let template = format!("template_{}", short_hash(key));
        make_template(&admin, admin_url, &template, migrate).await;
        let name = format!("test_{}_{}", std::process::id(), uuid::Uuid::new_v4().simple());
        admin.batch_execute(&format!("create database {name} template {template}")).await.unwrap();
        Self { url: url_of(admin_url, &name), name, admin_url }
    }

    /// The URL to connect to it.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Takes a copy of the database as it is now. It must have no connections, so those it has are ended.
    pub async fn copy(&self) -> DatabaseCopy {
        let admin = connect(self.admin_url).await;
        // A name of the same form, so that one that is left behind is found and dropped.
        let name = format!("test_{}_{}", std::process::id(), uuid::Uuid::new_v4().simple());
        let sql = format!("create database {name} template {}", self.name);
        until_alone(&admin, &self.name, &sql).await;
        DatabaseCopy { name }
    }

    /// Puts a copy in the place of the database, whose commits since are lost: what a failover to a standby that was behind comes to.
    pub async fn fail_over_to(&self, copy: DatabaseCopy) {
        let admin = connect(self.admin_url).await;
        until_alone(&admin, &self.name, &format!("drop database {}", self.name)).await;
        until_alone(&admin, &copy.name, &format!("alter database {} rename to {}", copy.name, self.name))
            .await;
    }

    /// The database's name on the shared server.
    pub fn name(&self) -> &str {
        &self.name
    }
}

/// A database as it was at one time.
#[derive(Debug)]
pub struct DatabaseCopy {
    name: String,
}

/// Runs a statement that needs the database to have no connections: those it has are ended, and the statement is tried until it is
/// quicker than those who connect again.
pub(crate) async fn until_alone(admin: &Client, name: &str, sql: &str) {
    let end_all = "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1";
    for _ in 0..200 {
        admin.execute(end_all, &[&name]).await.unwrap();
        match admin.batch_execute(sql).await {
            Ok(()) => return,
            Err(error) if error.code() == Some(&SqlState::OBJECT_IN_USE) => {}
            Err(error) => panic!("{sql}: {error:?}"),
        }
    }
    panic!("{name} was never without connections");
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if std::env::var_os("TOLLGATE_KEEP_TEST_DATABASES").is_some() {
            eprintln!("kept: {}", self.url);
            return;
        }
        let (name, admin_url) = (self.name.clone(), self.admin_url);
        // A thread and a runtime of its own: the test's runtime may be ending around us. What fails here is dropped
        // by a later test (`drop_leftovers`).
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let (client, connection) =
                    tokio_postgres::connect(admin_url, NoTls).await.map_err(std::io::Error::other)?;
                tokio::spawn(connection);
                let sql = format!("drop database if exists {name} with (force)");
                client.batch_execute(&sql).await.map_err(std::io::Error::other)
            })
        });
        match dropping.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => eprintln!("a test database was left behind: {error}"),
            Err(_) => eprintln!("a test database was left behind"),
        }
    }
}

/// A template key that changes with any file of `migrations`.
pub fn template_key(migrations: &Path) -> String {
    let mut files: Vec<_> =
        std::fs::read_dir(migrations).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    let mut text = String::new();
    for file in files {
        text.push_str(&file.file_name().unwrap().to_string_lossy());
        text.push_str(&std::fs::read_to_string(&file).unwrap());
    }
    short_hash(&text)
}

async fn make_template<F>(admin: &Client, admin_url: &str, template: &str, migrate: impl FnOnce(String) -> F)
where
    F: Future<Output = ()>,
{
    if is_template(admin, template).await {
        return;
    }
    // Of several processes one makes it. The lock ends with the session, also when the process is killed.
    admin.execute("select pg_advisory_lock(hashtext($1))", &[&template]).await.unwrap();
    if !is_template(admin, template).await {
        admin.batch_execute(&format!("drop database if exists {template} with (force)")).await.unwrap();
        admin.batch_execute(&format!("create database {template}")).await.unwrap();
        migrate(url_of(admin_url, template)).await;
        admin.batch_execute(&format!("alter database {template} allow_connections false")).await.unwrap();
        // A connection that `migrate` closed may take the server a moment to notice.
        admin
            .execute(
                "select pg_terminate_backend(pid, 10000) from pg_stat_activity where datname = $1",
                &[&template],
            )
            .await
            .unwrap();
        // Last: a template with this mark is complete.
        admin.batch_execute(&format!("alter database {template} is_template true")).await.unwrap();
    }
    admin.execute("select pg_advisory_unlock(hashtext($1))", &[&template]).await.unwrap();
}

async fn is_template(admin: &Client, name: &str) -> bool {
    let row =
        admin.query_opt("select datistemplate from pg_database where datname = $1", &[&name]).await.unwrap();
    row.is_some_and(|row| row.get(0))
}

/// Drops the databases of test processes that are gone.
async fn drop_leftovers(admin: &Client) {
    let rows =
        admin.query("select datname from pg_database where datname like 'test\\_%'", &[]).await.unwrap();
    for row in rows {
        let name: String = row.get(0);
        let owner = name.split('_').nth(1).and_then(|pid| rustix::process::Pid::from_raw(pid.parse().ok()?));
        let is_gone = owner.is_none_or(|pid| {
            matches!(rustix::process::test_kill_process(pid), Err(rustix::io::Errno::SRCH))
        });
        if is_gone && let Err(error) = admin.batch_execute(&format!("drop database if exists {name}")).await {
            // Another test process is dropping the same one.
            eprintln!("leftover {name}: {error}");
        }
    }
}

async fn connect(url: &str) -> Client {
    let (client, connection) =
        tokio_postgres::connect(url, NoTls).await.expect("the shared test server answers");
    tokio::spawn(connection);
    client
}

/// The same server, another database. The server's URLs are `postgresql://tollgate@/{database}?host=…`.
fn url_of(admin_url: &str, database: &str) -> String {
    let (before, after) = admin_url.split_once("@/").expect("a URL of the embedded server");
    let (_, parameters) = after.split_once('?').expect("a URL of the embedded server");
    format!("{before}@/{database}?{parameters}")
}

/// FNV-1a in hex: for names, not against anybody.
pub(crate) fn short_hash(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}
