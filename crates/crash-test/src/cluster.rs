//! Everything that runs: PostgreSQL, the gateways, the upstream, the clients; and what is known of each life.

use std::{collections::HashSet, path::Path, process::ExitStatus, time::Duration};

use anyhow::{Context, bail};
use rustix::process::Signal;
use tollgate_testkit::ScriptedUpstream;

use crate::{
    books,
    gateway::{Gateway, Program, Started},
    load::{Life, Load, Target},
    plan::GATEWAYS,
    postgres::Postgres,
    scene::{CREDITS, MODELS, USERS},
    verdict::{Fault, Kind},
};

/// Starts in a row that may fail while the database is killed under them.
const STARTS: u32 = 5;

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) postgres: Postgres,
    pub(crate) upstream: ScriptedUpstream,
    pub(crate) program: Program,
    pub(crate) gateways: Vec<Gateway>,
    /// Whose books each gateway writes, by its id.
    pub(crate) instances: Vec<String>,
    pub(crate) load: Load,
    /// The current life of each gateway.
    lives: [Life; GATEWAYS],
    next_life: Life,
    /// Lives that did not end in order.
    pub(crate) crashed: HashSet<Life>,
    /// Whether PostgreSQL was disturbed in this cycle: a gateway that starts may fail then.
    pub(crate) database_is_shaken: bool,
    pub(crate) faults: Vec<Fault>,
    /// What happened, to be printed where something is wrong.
    pub(crate) events: Vec<String>,
}

impl Cluster {
    /// Starts all, with nobody sending yet.
    pub(crate) async fn start(binary: &Path, directory: &Path, seed: u64) -> anyhow::Result<Self> {
        let postgres = Postgres::start().await;
        let upstream = ScriptedUpstream::start().await;
        let program = Program {
            binary: binary.to_owned(),
            database_url: postgres.url(),
            master_key: directory.join("master.key"),
        };
        let gateways = vec![
            Gateway::new(directory, "gateway-0", "void")?,
            Gateway::new(directory, "gateway-1", "estimate")?,
        ];
        let data = gateways.first().map(|gateway| gateway.data.clone()).context("there is a gateway")?;
        let keys = create(&program, &data, &upstream.base_url()).await?;
        let load = Load::new(seed, keys);
        let mut cluster = Self {
            postgres,
            upstream,
            program,
            gateways,
            instances: Vec::new(),
            load,
            lives: [0; GATEWAYS],
            next_life: 0,
            crashed: HashSet::new(),
            database_is_shaken: false,
            faults: Vec::new(),
            events: Vec::new(),
        };
        for index in 0..GATEWAYS {
            cluster.ensure_up(index).await?;
            cluster.learn_instance(index).await?;
        }
        Ok(cluster)
    }

    pub(crate) fn gateway(&mut self, index: usize) -> anyhow::Result<&mut Gateway> {
        self.gateways.get_mut(index).with_context(|| format!("there is no gateway {index}"))
    }

    /// Begins another life, and does not wait for anything.
    pub(crate) fn spawn(&mut self, index: usize, armed: Option<&str>) -> anyhow::Result<()> {
        let life = self.next_life;
        self.next_life += 1;
        if let Some(current) = self.lives.get_mut(index) {
            *current = life;
        }
        let program = self.program.clone();
        self.gateway(index)?.spawn(&program, &format!("life-{life}"), armed)
    }

    /// The one that was not there before a gateway's first life.
    async fn learn_instance(&mut self, index: usize) -> anyhow::Result<()> {
        let client = self.postgres.connect().await?;
        let all = books::instances(&client).await?;
        let new = all.into_iter().find(|instance| !self.instances.contains(instance));
        self.instances.push(new.with_context(|| format!("gateway {index} is not in the books"))?);
        Ok(())
    }

    /// Waits until a gateway that was started serves, and sends it clients; or notes its end.
    pub(crate) async fn started(&mut self, index: usize) -> anyhow::Result<Started> {
        let started = self.gateway(index)?.started().await?;
        match started {
            Started::Serves(address) => {
                let life = self.lives.get(index).copied().unwrap_or_default();
                self.load.set_target(index, Some(Target { address, life }));
            }
            Started::Ended(status) => self.note_end(index, status),
        }
        Ok(started)
    }

    /// Starts a gateway that is down, as whoever runs it would: again, where it cannot start because its database is killed.
    pub(crate) async fn ensure_up(&mut self, index: usize) -> anyhow::Result<()> {
        if let Some(status) = self.unexpected_end(index).await? {
            let log = self.gateway(index)?.log();
            self.fault(format!("gateway {index} ended by itself ({status}): {}", log.display()));
        }
        if self.gateway(index)?.is_up() {
            return Ok(());
        }
        for _ in 0..STARTS {
            self.spawn(index, None)?;
            match self.started(index).await? {
                Started::Serves(_) => return Ok(()),
                Started::Ended(status) if self.database_is_shaken => {
                    self.event(format!("gateway {index} could not start ({status}); once more"));
                }
                Started::Ended(status) => {
                    let log = self.gateway(index)?.log();
                    self.fault(format!("gateway {index} could not start ({status}): {}", log.display()));
                }
            }
        }
        bail!("gateway {index} does not start: {}", self.gateway(index)?.log().display())
    }

    async fn unexpected_end(&mut self, index: usize) -> anyhow::Result<Option<ExitStatus>> {
        if !self.gateway(index)?.is_up() {
            return Ok(None);
        }
        let ended = self.gateway(index)?.ends_within(Duration::ZERO).await?;
        if let Some(status) = ended {
            self.note_end(index, status);
        }
        Ok(ended)
    }

    /// SIGKILL, and waits until it is dead.
    pub(crate) async fn kill(&mut self, index: usize) -> anyhow::Result<()> {
        if self.gateway(index)?.is_up() {
            self.gateway(index)?.signal(Signal::KILL)?;
            let status = self.gateway(index)?.ended().await?;
            self.note_end(index, status);
        }
        Ok(())
    }

    /// SIGTERM, and waits until it has ended, which must go well.
    pub(crate) async fn terminate(&mut self, index: usize) -> anyhow::Result<()> {
        if self.gateway(index)?.is_up() {
            self.gateway(index)?.signal(Signal::TERM)?;
            let log = self.gateway(index)?.log();
            let status = self.gateway(index)?.ended().await?;
            self.note_end(index, status);
            if !status.success() && !self.database_is_shaken {
                self.fault(format!("gateway {index} did not stop in order ({status}): {}", log.display()));
            }
        }
        Ok(())
    }

    /// A life is over.
    pub(crate) fn note_end(&mut self, index: usize, status: ExitStatus) {
        self.load.set_target(index, None);
        let life = self.lives.get(index).copied().unwrap_or_default();
        if !status.success() {
            self.crashed.insert(life);
        }
        self.event(format!("gateway {index}, life {life}: {status}"));
    }

    pub(crate) fn event(&mut self, what: String) {
        self.events.push(what);
    }

    /// Credits were left behind.
    pub(crate) fn leaked(&mut self, what: String) {
        self.event(format!("WRONG: {what}"));
        self.faults.push(Fault::new(Kind::Leaked, what));
    }

    /// A promise beside the books was not kept.
    pub(crate) fn fault(&mut self, what: String) {
        self.event(format!("WRONG: {what}"));
        self.faults.push(Fault::new(Kind::Broken, what));
    }

    /// Ends everything in order, or leaves the database to be looked at.
    pub(crate) async fn end(mut self, keep: bool) -> anyhow::Result<Option<std::path::PathBuf>> {
        for index in 0..GATEWAYS {
            self.kill(index).await?;
        }
        Ok(if keep { Some(self.postgres.keep().await) } else { None })
    }
}

/// Customers, models, prices; answers the secrets of the keys.
async fn create(program: &Program, data: &Path, upstream: &str) -> anyhow::Result<Vec<String>> {
    program
        .ask(data, &format!("endpoint create up {upstream} --provider scripted --auth-style none"))
        .await?;
    for model in MODELS {
        let alias = model.alias;
        program.ask(data, &format!("model create {alias} --endpoint up")).await?;
        let (input, output) = (model.input, model.output);
        let cached = model.cache_read.map_or_else(String::new, |price| format!("--cache-read-price {price}"));
        let prices = format!("tariff set {alias} --input-price {input} --output-price {output} {cached}");
        program.ask(data, &prices).await?;
    }
    let mut keys = Vec::new();
    for user in USERS {
        program.ask(data, &format!("user create {user} --credits {CREDITS}")).await?;
        let key = program.ask(data, &format!("key create --user {user}")).await?;
        keys.push(key.get("secret").and_then(serde_json::Value::as_str).context("no secret")?.to_owned());
    }
    Ok(keys)
}
