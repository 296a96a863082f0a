//! `cargo ci`: everything that must hold before a change goes in.
//!
//! Each step prints what it runs and how long it took. The first failure ends the run, with the command that repeats
//! it. The tests come last, so that their runner's summary is the last thing printed.

use std::{
    env, fmt,
    io::{self, Write},
    time::{Duration, Instant},
};

use anyhow::Context;

use crate::{dashboard, fuzz, licenses, process::Run, sdks, tidy};

/// Set by every continuous integration service; then nothing that tests need may be missing.
const IN_CI: &str = "CI";

/// Runs every step.
pub(crate) fn run() -> anyhow::Result<()> {
    let mut steps = Steps::new();
    steps.cargo("format", "fmt --all --check")?;
    steps.cargo("lint", "clippy --workspace --all-targets -- -D warnings")?;
    steps.step("tidy", "cargo tidy", || tidy::run(&crate::repository()))?;
    steps.cargo("build", "build --workspace --all-targets")?;
    let docs = Run::cargo("doc --workspace --no-deps").env("RUSTDOCFLAGS", "-D warnings");
    steps.step("documentation", &docs.to_string(), || docs.run())?;
    steps.cargo("documentation tests", "test --workspace --doc")?;
    steps.step("licenses", "cargo run -p xtask -- licenses", licenses::check)?;
    if Run::cargo("deny --version").works() {
        steps.cargo("dependencies", "deny check bans licenses sources")?;
    } else {
        println!("── dependencies: skipped, because cargo-deny is not installed");
    }
    if fuzz::can_be_built() {
        steps.step("fuzzing", "cargo fuzz-test -- -runs=4000 -seed=1", fuzz::run_in_ci)?;
    } else {
        println!("── fuzzing: skipped, because there is no C++ compiler for libFuzzer");
    }
    steps.step("PostgreSQL", "cargo run -p xtask -- postgres", find_postgres)?;
    let sdks = install_sdks(&mut steps)?;
    steps.step("dashboard", "cargo ui-test", || dashboard::test_in_ci(sdks.as_deref()))?;
    // A handful of cycles with a seed of their own: enough to see that it works, and that the first failpoints hold.
    steps.cargo("crashes", "crash-test --cycles 12 --seed 1")?;
    steps.tests(sdks)
}

/// A summary of nextest, or of one test program under plain cargo; colours may stand between the words.
fn is_summary(line: &str) -> bool {
    let nextest = line.contains("Summary") && [" run:", "passed"].iter().all(|word| line.contains(word));
    nextest || line.contains("test result:")
}

/// The official SDKs, or nothing where they cannot be had and nobody insists.
fn install_sdks(steps: &mut Steps) -> anyhow::Result<Option<std::path::PathBuf>> {
    let mut installed = None;
    let result = steps.step("SDKs", "cargo run -p xtask -- sdks", || {
        installed = Some(sdks::run()?);
        Ok(())
    });
    match result {
        Err(error) if env::var_os(IN_CI).is_none() => {
            println!("   without them their tests are skipped ({IN_CI} is not set): {error:#}");
            Ok(None)
        }
        result => result.map(|()| installed),
    }
}

/// Finds PostgreSQL, or fetches it, before many tests want it at once.
pub(crate) fn find_postgres() -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let found = runtime.block_on(tollgate_embedded_postgres::fetch::fetch_if_missing())?;
    println!("PostgreSQL {} in {}", found.major(), found.directory().display());
    Ok(())
}

/// The steps done so far, and their times.
struct Steps {
    started: Instant,
    done: Vec<(&'static str, Duration)>,
}

impl Steps {
    fn new() -> Self {
        Self { started: Instant::now(), done: Vec::new() }
    }

    fn cargo(&mut self, name: &'static str, arguments: &str) -> anyhow::Result<()> {
        let run = Run::cargo(arguments);
        self.step(name, &run.to_string(), || run.run())
    }

    fn step(
        &mut self,
        name: &'static str,
        command: &str,
        work: impl FnOnce() -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        println!("── {name}: {command}");
        let started = Instant::now();
        let result = work();
        let took = started.elapsed();
        println!("   {name}: {} after {}", if result.is_ok() { "ok" } else { "failed" }, Seconds(took));
        self.done.push((name, took));
        result.with_context(|| {
            format!(
                "ci failed at `{name}` after {}. Repeat it with:\n  {command}\n",
                Seconds(self.started.elapsed())
            )
        })
    }

    /// The tests, with the times of all steps before the runner's own summary.
    fn tests(mut self, sdks: Option<std::path::PathBuf>) -> anyhow::Result<()> {
        let runner = if Run::cargo("nextest --version").works() {
            Run::cargo("nextest run --workspace --no-fail-fast")
        } else {
            Run::cargo("test --workspace --lib --bins --tests --no-fail-fast")
        };
        let runner = match sdks {
            Some(sdks) => runner.env(sdks::VARIABLE, sdks),
            None => runner,
        };
        let mut summary = Vec::new();
        let result = self.step("tests", &runner.to_string(), || {
            let (held, result) = runner.run_holding_back(is_summary);
            summary = held;
            result
        });
        println!("{self}");
        io::stdout().write_all(&summary)?;
        result
    }
}

impl fmt::Display for Steps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "── all steps took {}", Seconds(self.started.elapsed()))?;
        for (name, took) in &self.done {
            writeln!(f, "   {name:<20} {:>9}", Seconds(*took).to_string())?;
        }
        Ok(())
    }
}

/// A time as people say it: `0.4 s`, `3 min 20 s`.
pub(crate) struct Seconds(pub(crate) Duration);

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        match seconds.checked_div(60) {
            Some(minutes) if minutes > 0 => write!(f, "{minutes} min {} s", seconds % 60),
            _ => write!(f, "{:.1} s", self.0.as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests;
