//! A cluster made once and copied for each private server: `initdb` costs a second of two busy cores, a copy nearly nothing.

use std::{
    fs::{self, DirBuilder},
    os::unix::fs::DirBuilderExt,
    path::{Path, PathBuf},
};

use tollgate_embedded_postgres::{Binaries, EmbeddedPostgres, Options, destroy, fetch};

use crate::{
    database::short_hash,
    postgres::{locked, shared_base},
    private_postgres::copy_directory,
};

/// What decides how a cluster is made. A changed one makes a new template.
const RECIPE: &str = include_str!("../../embedded-postgres/src/server.rs");

/// Puts a cluster with an empty database into `data_dir`, where there is none.
pub(crate) async fn provide(data_dir: &Path) {
    let cluster = data_dir.join("cluster");
    if cluster.exists() {
        return;
    }
    let template = find_or_make().await;
    // A server that runs as another user passes through it.
    let mode = if rustix::process::geteuid().is_root() { 0o711 } else { 0o700 };
    DirBuilder::new().recursive(true).mode(mode).create(data_dir).unwrap();
    copy_directory(&template, &cluster);
}

async fn find_or_make() -> PathBuf {
    fetch::fetch_if_missing().await.unwrap();
    let binaries = Binaries::find(None, None).unwrap();
    let key = short_hash(&format!("{} {} {RECIPE}", binaries.directory().display(), binaries.major()));
    let base = shared_base();
    let data_dir = base.join(format!("template-{key}"));
    let ready = data_dir.join("ready");
    let _lock = locked(&base.join(format!("template-{key}.lock"))).await;
    if !ready.exists() {
        // Left half-made, if it is there.
        destroy(&data_dir).await.unwrap();
        let mut options = Options::new(&data_dir);
        options.durable = false;
        EmbeddedPostgres::start(options).await.unwrap().stop().await.unwrap();
        fs::write(ready, b"").unwrap();
    }
    data_dir.join("cluster")
}
