//! `cargo fuzz-test`: the coverage-guided fuzz targets of `fuzz/`, built with the stable compiler and driven by libFuzzer.
//!
//! An input that breaks a property ends its target's run; it is kept, and the command that repeats it is printed. What reaches new
//! code is kept too, and the next run goes on from there. Everything lies under the target directory, in `fuzz/`.

use std::{
    collections::BTreeMap,
    env,
    ffi::OsString,
    fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use anyhow::{Context, bail};
use clap::Args;

use crate::process::{Run, target_directory};

mod recordings;

/// Inputs are at most this long. What needs more is written short in them, see `fuzz/src/input.rs`.
const MOST_BYTES: usize = 4096;
/// An execution takes microseconds; one that takes this long hangs.
const HANGS_AFTER: Duration = Duration::from_secs(20);
/// What a target may use; the least bound that a leak of a few bytes an execution cannot stay under for long.
const MEMORY_LIMIT_MIB: u32 = 1024;
/// Of each target in continuous integration, beside its seeds.
const SECONDS_IN_CI: u64 = 5;
/// There the random numbers are the same each time: a change is not to fail by what another one missed.
const SEED_IN_CI: u32 = 1;

#[derive(Debug, Args)]
pub(crate) struct Options {
    /// A target (a directory of fuzz/seeds); all of them, one after another, where none is given.
    #[arg(long = "target", value_name = "NAME")]
    targets: Vec<String>,
    /// How long each target runs.
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Of the random numbers; a new one each time where none is given.
    #[arg(long)]
    seed: Option<u32>,
    /// Runs this input once, as after a finding, instead of looking for others. Needs one target.
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// Flags for libFuzzer; -help=1 lists them.
    #[arg(last = true, value_name = "FLAGS")]
    flags: Vec<OsString>,
}

/// On demand.
pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let all = targets()?;
    let chosen = if options.targets.is_empty() { &all } else { &options.targets };
    if let Some(unknown) = chosen.iter().find(|name| !all.contains(name)) {
        bail!("there is no target `{unknown}`: they are {}", all.join(", "));
    }
    let fuzzer = Fuzzer::build()?;
    if let Some(input) = &options.input {
        let [target] = chosen.as_slice() else { bail!("--input needs one --target: {}", all.join(", ")) };
        return fuzzer.run(target).args(&options.flags).arg(input).run();
    }
    let recordings = recordings::write(&fuzzer.directory)?;
    let mut flags = vec![flag("max_total_time", options.seconds)];
    flags.extend(options.seed.map(|seed| flag("seed", seed)));
    flags.extend(options.flags.iter().cloned());
    let mut failed = Vec::new();
    for target in chosen {
        let corpus = fuzzer.directory.join("corpus").join(target);
        let outcome = fuzzer.search(target, &flags, &corpus, recordings.get(target))?;
        println!("   {target:<10} {outcome}");
        failed.extend(outcome.finding.map(|finding| (target, finding)));
    }
    if failed.is_empty() {
        return Ok(());
    }
    for (target, finding) in &failed {
        println!(
            "{target}: repeat it with\n  cargo fuzz-test --target {target} --input {}",
            finding.display()
        );
    }
    bail!("{} of {} targets found an input that breaks a property", failed.len(), chosen.len())
}

/// Seconds of each target, from the committed seeds alone, with the same random numbers each time.
pub(crate) fn run_in_ci() -> anyhow::Result<()> {
    let fuzzer = Fuzzer::build()?;
    let flags = [flag("max_total_time", SECONDS_IN_CI), flag("seed", SEED_IN_CI)];
    for target in targets()? {
        let corpus = tempfile::tempdir()?;
        let outcome = fuzzer.search(&target, &flags, corpus.path(), None)?;
        println!("   {target:<10} {outcome}");
        if let Some(finding) = outcome.finding {
            let input = finding.display();
            bail!(
                "{target} found an input that breaks a property: cargo fuzz-test --target {target} --input {input}"
            );
        }
    }
    Ok(())
}

/// Whether libFuzzer, which is C++, can be built here.
pub(crate) fn can_be_built() -> bool {
    Run::program(compiler()).arg("--version").works()
}

fn compiler() -> OsString {
    env::var_os("CXX").unwrap_or_else(|| "c++".into())
}

/// The names of the targets: a test holds them against the directories with their seeds.
fn targets() -> anyhow::Result<Vec<String>> {
    let seeds = crate::repository().join("fuzz/seeds");
    let mut names = Vec::new();
    for entry in fs::read_dir(&seeds).with_context(|| format!("reading {}", seeds.display()))? {
        names.push(entry?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

fn flag(name: &str, value: impl std::fmt::Display) -> OsString {
    format!("-{name}={value}").into()
}

/// The program with every target in it.
struct Fuzzer {
    program: PathBuf,
    /// Where what it finds is kept.
    directory: PathBuf,
}

impl Fuzzer {
    fn build() -> anyhow::Result<Self> {
        if !can_be_built() {
            bail!("libFuzzer needs a C++ compiler, and `{}` does not start", compiler().to_string_lossy());
        }
        let wrapper = crate::repository().join("fuzz/rustc-with-coverage");
        // With the features of the whole workspace, so that nothing that stands below is built a second time.
        let build = Run::cargo("build --workspace --bin tollgate-fuzz --features tollgate-fuzz/libfuzzer");
        build.env("RUSTC_WORKSPACE_WRAPPER", wrapper).run()?;
        let target = target_directory()?;
        Ok(Self { program: target.join("debug/tollgate-fuzz"), directory: target.join("fuzz") })
    }

    fn run(&self, target: &str) -> Run {
        Run::program(&self.program).env("TOLLGATE_FUZZ_TARGET", target)
    }

    /// Looks for inputs that reach something new or break a property. `corpus` is where the first kind is kept and gone on from.
    fn search(
        &self,
        target: &str,
        flags: &[OsString],
        corpus: &Path,
        recordings: Option<&PathBuf>,
    ) -> anyhow::Result<Outcome> {
        let findings = self.directory.join("findings").join(target);
        fs::create_dir_all(corpus)?;
        fs::create_dir_all(&findings)?;
        let mut prefix = OsString::from("-artifact_prefix=");
        prefix.push(findings.join(""));
        let ours = crate::repository().join("fuzz");
        let mut words = OsString::from("-dict=");
        words.push(ours.join("words.dict"));
        let run = self
            .run(target)
            .args([prefix, words])
            .arg(flag("max_len", MOST_BYTES))
            .arg(flag("timeout", HANGS_AFTER.as_secs()))
            .arg(flag("rss_limit_mb", MEMORY_LIMIT_MIB))
            .args(["-print_final_stats=1", "-reload=0"])
            .args(flags)
            .args([corpus, &ours.join("seeds").join(target)])
            .args(recordings);
        println!("── {target}: {run}");
        let mut child = run.command().stderr(Stdio::piped()).spawn().context("starting the fuzz targets")?;
        let mut outcome = Outcome::default();
        if let Some(errors) = child.stderr.take() {
            for line in BufReader::new(errors).split(b'\n') {
                let line = line?;
                let text = String::from_utf8_lossy(&line);
                if !outcome.read(&text) {
                    writeln!(std::io::stderr(), "{text}")?;
                }
            }
        }
        let status = child.wait()?;
        if !status.success() && outcome.finding.is_none() {
            bail!("`{run}` failed ({status})");
        }
        Ok(outcome)
    }
}

/// What a run came to, from what libFuzzer prints.
#[derive(Debug, Default, PartialEq, Eq)]
struct Outcome {
    executions: u64,
    reached_edges: u64,
    all_edges: u64,
    inputs: u64,
    /// The input that broke a property.
    finding: Option<PathBuf>,
}

impl Outcome {
    /// Reads a line; returns whether that was all there is to say about it.
    fn read(&mut self, line: &str) -> bool {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |text: &str| text.parse().unwrap_or(0);
        match words.as_slice() {
            ["INFO:", "Loaded", _, "modules", edges, ..] => {
                self.all_edges = number(edges.trim_start_matches('('));
                true
            }
            ["stat::number_of_executed_units:", executions] => {
                self.executions = number(executions);
                true
            }
            [first, kind, facts @ ..] if first.starts_with('#') => {
                let facts: BTreeMap<&str, &str> =
                    facts.windows(2).filter_map(|pair| Some((*pair.first()?, *pair.last()?))).collect();
                let fact = |name: &str| facts.get(name).copied().unwrap_or_default();
                self.reached_edges = self.reached_edges.max(number(fact("cov:")));
                self.inputs = number(fact("corp:").split('/').next().unwrap_or_default()).max(self.inputs);
                *kind != "pulse"
            }
            [first, ..] if first.starts_with("INFO:") || first.starts_with("stat::") => true,
            // What it would say with a sanitizer, and what it says twice.
            ["WARNING:", "Failed", "to", "find", "function", ..]
            | ["Dictionary:" | "######", ..]
            | ["Done", _, "runs", ..]
            | [.., "#", "Uses:", _] => true,
            _ => {
                if let Some((_, path)) = line.split_once("Test unit written to ") {
                    self.finding = Some(PathBuf::from(path.trim()));
                }
                false
            }
        }
    }
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { executions, reached_edges, all_edges, inputs, finding } = self;
        let verdict = if finding.is_some() { "BROKEN" } else { "holds" };
        write!(
            f,
            "{verdict} after {executions} executions; {reached_edges} of {all_edges} edges reached by {inputs} inputs"
        )
    }
}

#[cfg(test)]
mod tests;
