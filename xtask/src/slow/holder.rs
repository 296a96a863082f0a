//! Slow connections in a process of their own, so that holding them does not slow those who measure.

use std::{collections::BTreeMap, net::SocketAddr, process::Stdio, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, BufReader, Lines},
    process::{Child, ChildStdin, ChildStdout, Command},
};
use tollgate_testkit::slow_clients::{SlowClients, SlowKind, SlowPlan, SlowTally, held};

use crate::load::limits;

/// Between two bytes of those that send byte by byte.
const PACE: Duration = Duration::from_secs(1);
/// Between two connections while they are opened: a few seconds for thousands.
const OPENING_PACE: Duration = Duration::from_millis(2);
/// All are open long before this.
const OPEN_WITHIN: Duration = Duration::from_mins(1);

/// What became of slow connections, by kind.
pub(super) type Tallies = BTreeMap<SlowKind, SlowTally>;

/// What the holding process is told.
#[derive(Debug, Args)]
pub(crate) struct HoldOptions {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long)]
    key: String,
    #[arg(long)]
    model: String,
    #[arg(long)]
    connections: usize,
}

/// The holding process: opens connections, tells when all are held, keeps them up until its standard input ends, and tells what became of them.
pub(super) async fn hold(options: &HoldOptions) -> anyhow::Result<()> {
    limits::raise_descriptors(u64::try_from(options.connections)? + 50);
    let plan = SlowPlan {
        address: options.address,
        key: options.key.clone(),
        model: options.model.clone(),
        pace: PACE,
        opening_pace: OPENING_PACE,
    };
    let clients = SlowClients::open(&plan, options.connections);
    let all_held = async {
        let tallies = clients.wait_for(|tallies| held(tallies) == options.connections).await;
        println!("{}", serde_json::to_string(&tallies)?);
        std::future::pending::<anyhow::Result<()>>().await
    };
    let mut input = Vec::new();
    let mut stdin = tokio::io::stdin();
    tokio::select! {
        failed = all_held => failed?,
        ended = stdin.read_to_end(&mut input) => drop(ended?),
    }
    // As they are before they are let go.
    println!("{}", serde_json::to_string(&clients.tallies())?);
    clients.close().await;
    Ok(())
}

/// The process that holds them, seen from the one that measures.
#[derive(Debug)]
pub(super) struct Holder {
    child: Child,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
}

impl Holder {
    /// Starts it and returns when all connections are held.
    pub(super) async fn open(
        address: SocketAddr,
        key: &str,
        model: &str,
        connections: usize,
    ) -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hold-slow-connections", "--address", &address.to_string(), "--key", key]);
        command.args(["--model", model, "--connections", &connections.to_string()]);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).kill_on_drop(true);
        let mut child = command.spawn().context("starting the process that holds slow connections")?;
        let input = child.stdin.take().context("it has an input")?;
        let lines = BufReader::new(child.stdout.take().context("it has an output")?).lines();
        let mut holder = Self { child, input, lines };
        match tokio::time::timeout(OPEN_WITHIN, holder.next_tallies()).await {
            Ok(tallies) => tallies?,
            Err(_) => bail!(
                "not all slow connections came to be held: {:?}",
                holder.close().await.unwrap_or_default()
            ),
        };
        Ok(holder)
    }

    /// Lets go of the connections; answers what became of them until then.
    pub(super) async fn close(mut self) -> anyhow::Result<Tallies> {
        drop(self.input);
        let mut last = None;
        while let Some(line) = self.lines.next_line().await? {
            last = serde_json::from_str(&line).ok().or(last);
        }
        let status = self.child.wait().await?;
        anyhow::ensure!(status.success(), "the process that holds slow connections ended with {status}");
        last.context("it told nothing")
    }

    async fn next_tallies(&mut self) -> anyhow::Result<Tallies> {
        loop {
            let line =
                self.lines.next_line().await?.context("the process that holds slow connections ended")?;
            match serde_json::from_str(&line) {
                Ok(tallies) => return Ok(tallies),
                // Something it has to say, such as about its limits.
                Err(_) => println!("{line}"),
            }
        }
    }
}
