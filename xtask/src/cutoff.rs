//! `cargo cut-off-test`: how long four gateways go on serving a customer who has lost the money or the key, and how soon they serve one who has got some.
//!
//! All four serve other customers meanwhile. A trial is the life of one customer, who is probed all the time at every gateway with real requests: the
//! credits are taken away by the command line, given again, spent by one request through one gateway that costs more than all of them, given again, and at last the
//! key is revoked. Each time it counts until the last of the four does as it should. The same is played with notifications and without
//! (`database.listen = false`, which is what a pooler in transaction mode needs): then each gateway's poll has to find it out.
//!
//! `--kills N` kills a gateway that has nearly all of a customer's money in its lease, and waits until the others may spend it; `--outage` takes PostgreSQL away for
//! half a minute under load, and no request may fail. Both are in real time, with the settings that everyone has.

mod kills;
mod outage;
mod probe;
mod report;
mod traffic;
mod trial;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{bail, ensure};
use clap::Args;

use self::{
    report::Report,
    traffic::Traffic,
    trial::{Act, Trial},
};
use crate::{
    ci::{Seconds, find_postgres},
    load::{good::CUSTOMERS, ledger::Ledger, limits, random::Random},
    stage::{audit, interrupted, several::Several, tollgate, wait_until_admitted},
};

const GATEWAYS: usize = 4;
const DESCRIPTORS: u64 = 10_000;
/// Requests of others before anything is measured.
const WARM_UP: Duration = Duration::from_secs(3);

/// What may be asked of it.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Customers whose lives are played, with notifications and as many without.
    #[arg(long, default_value_t = 50)]
    trials: u32,
    /// Requests of other customers a second, at all gateways together.
    #[arg(long, default_value_t = 200.0)]
    rate: f64,
    /// Decides what is random: which gateway is spent at, and when.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How often a gateway is killed; about a minute each.
    #[arg(long, default_value_t = 0)]
    kills: u32,
    /// Take PostgreSQL away for half a minute.
    #[arg(long)]
    outage: bool,
    /// End with one JSON object on the last line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    which: tollgate::Which,
}

/// Whether gateways hear of changes at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Notify {
    Works,
    Dead,
}

impl Notify {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Dead => "dead",
        }
    }

    /// What the gateways are told.
    const fn settings(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Works => &[],
            Self::Dead => &[("TOLLGATE_DATABASE__LISTEN", "false")],
        }
    }
}

/// Runs it; an error says what was not as it must be.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build()?.block_on(async {
        tokio::select! {
            done = play(options) => done,
            interrupted = interrupted() => {
                interrupted?;
                bail!("interrupted");
            }
        }
    })
}

async fn play(options: &Options) -> anyhow::Result<()> {
    let started = Instant::now();
    ensure!(options.rate > 0.0, "there must be load");
    limits::raise_descriptors(DESCRIPTORS);
    let binary = options.which.get()?;
    tokio::task::spawn_blocking(find_postgres).await??;
    let mut report = Report::new(options);
    if options.trials > 0 {
        for notify in [Notify::Works, Notify::Dead] {
            trials(&binary, options, notify, &mut report).await?;
        }
    }
    if options.kills > 0 || options.outage {
        let mut stage = set(&binary, Notify::Works).await?;
        let mut ledger = Ledger::default();
        if options.outage {
            let outage = outage::play(&mut stage, options.rate, &mut ledger).await?;
            println!("   {outage}");
            report.outage = Some(outage);
        }
        for number in 0..options.kills {
            let (back, others) = kills::play(&mut stage, options.rate, number, &mut ledger).await?;
            println!("   killed: the last of the others could spend the money after {back:.1?}");
            report.kills.push(back);
            report.others(others);
        }
        settle(stage, &mut ledger, &mut report).await?;
    }
    let faults = report.print();
    println!("── done in {}", Seconds(started.elapsed()));
    if options.json {
        println!("{}", report.json(&faults));
    }
    ensure!(faults.is_empty(), "not as it must be: {}", faults.join("; "));
    Ok(())
}

async fn set(binary: &Path, notify: Notify) -> anyhow::Result<Several> {
    let stage = Several::set(binary, GATEWAYS, notify.settings(), &CUSTOMERS).await?;
    for gateway in &stage.gateways {
        wait_until_admitted(gateway, &stage.keys).await?;
    }
    Ok(stage)
}

async fn trials(binary: &Path, options: &Options, notify: Notify, report: &mut Report) -> anyhow::Result<()> {
    println!("── {} customers' lives at {GATEWAYS} gateways, NOTIFY {}", options.trials, notify.as_str());
    let stage = set(binary, notify).await?;
    let mut ledger = Ledger::default();
    let traffic = Traffic::start(&stage.gateways, &stage.keys, options.rate);
    tokio::time::sleep(WARM_UP).await;
    for number in 0..options.trials {
        let random = Random::of(options.seed, number.into());
        let name = format!("trial-{number}");
        let spent_at = usize::try_from(number)? % GATEWAYS;
        let times = Trial { name: &name, spent_at, stage: &stage, random }.play().await?;
        println!("   {name}: {}", described(&times));
        for (act, time) in times {
            report.add(act, notify, time);
        }
        ledger.take(&stage.upstream)?;
    }
    report.others(traffic.stop().await);
    settle(stage, &mut ledger, report).await
}

/// Both books must agree, and the audit find nothing.
async fn settle(stage: Several, ledger: &mut Ledger, report: &mut Report) -> anyhow::Result<()> {
    ledger.take_rest(&stage.upstream).await?;
    report.faults.extend(ledger.differences(stage.first()?).await?);
    if !audit(stage.first()?) {
        report.faults.push("the audit found something".to_owned());
    }
    stage.end().await
}

fn described(times: &[(Act, Duration)]) -> String {
    let times: Vec<String> =
        times.iter().map(|(act, time)| format!("{} {} ms", act.as_str(), time.as_millis())).collect();
    times.join(", ")
}
