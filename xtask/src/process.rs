//! Running other programs: what is run can be read and repeated, and a failure says with what.

use std::{
    env,
    ffi::{OsStr, OsString},
    fmt::Write as _,
    io::{self, BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, bail};

/// A program with its arguments, to be run in the root of the repository with nothing on its standard input.
#[derive(Debug)]
pub(crate) struct Run {
    program: OsString,
    arguments: Vec<OsString>,
    environment: Vec<(String, OsString)>,
    /// Variables of our own environment that it does not get, by their first letters.
    withheld: Vec<&'static str>,
    directory: PathBuf,
}

impl Run {
    /// Any program.
    pub(crate) fn program(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            arguments: Vec::new(),
            environment: Vec::new(),
            // Cargo tells us about this package; a cargo below us would take it for its own settings.
            withheld: vec!["CARGO_PKG_", "CARGO_MANIFEST_"],
            directory: crate::repository(),
        }
    }

    /// The cargo that runs us, with its arguments as one text.
    pub(crate) fn cargo(arguments: &str) -> Self {
        Self::program("cargo").args(arguments.split_whitespace())
    }

    pub(crate) fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.arguments.push(argument.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.arguments.extend(arguments.into_iter().map(|argument| argument.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.environment.push((name.to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Keeps variables of our environment from it, by their first letters.
    pub(crate) fn withhold(mut self, prefix: &'static str) -> Self {
        self.withheld.push(prefix);
        self
    }

    pub(crate) fn directory(mut self, directory: &Path) -> Self {
        directory.clone_into(&mut self.directory);
        self
    }

    /// Runs it with its output on ours.
    pub(crate) fn run(&self) -> anyhow::Result<()> {
        let status = self.command().status().with_context(|| self.cannot_start())?;
        if status.success() { Ok(()) } else { bail!("`{self}` failed ({status})") }
    }

    /// Runs it with its output on ours, but holds back what `holds` says of its lines, and all lines after
    /// that: they are answered, to be printed last.
    pub(crate) fn run_holding_back(&self, holds: impl Fn(&str) -> bool) -> (Vec<u8>, anyhow::Result<()>) {
        let mut held = Vec::new();
        let result = self.pass_on(holds, &mut held);
        (held, result)
    }

    fn pass_on(&self, holds: impl Fn(&str) -> bool, held: &mut Vec<u8>) -> anyhow::Result<()> {
        let (reader, writer) = io::pipe()?;
        let mut command = self.command();
        if io::stdout().is_terminal() {
            command.env("CARGO_TERM_COLOR", "always");
        }
        command.stdout(writer.try_clone()?).stderr(writer);
        let mut child = command.spawn().with_context(|| self.cannot_start())?;
        // Our copies of the pipe's end, or it would never end.
        drop(command);
        let mut lines = BufReader::new(reader);
        let mut line = Vec::new();
        let mut out = io::stdout();
        while lines.read_until(b'\n', &mut line)? > 0 {
            if holds(&String::from_utf8_lossy(&line)) {
                // What was held and then followed by the same again was not the last.
                out.write_all(held)?;
                held.clear();
                held.append(&mut line);
            } else if held.is_empty() {
                out.write_all(&line)?;
                line.clear();
            } else {
                held.append(&mut line);
            }
            out.flush()?;
        }
        let status = child.wait()?;
        if status.success() { Ok(()) } else { bail!("`{self}` failed ({status})") }
    }

    /// What it prints on its standard output; its errors go to ours.
    pub(crate) fn output(&self) -> anyhow::Result<String> {
        let output = self.command().stderr(Stdio::inherit()).output().with_context(|| self.cannot_start())?;
        if !output.status.success() {
            bail!("`{self}` failed ({})", output.status);
        }
        String::from_utf8(output.stdout).with_context(|| format!("`{self}` printed no text"))
    }

    /// Whether it starts and ends well; what it prints is nobody's business.
    pub(crate) fn works(&self) -> bool {
        self.command()
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success())
    }

    /// As a command of the standard library.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).current_dir(&self.directory).stdin(Stdio::null());
        for (name, _) in env::vars_os() {
            let name = name.to_string_lossy();
            if self.withheld.iter().any(|prefix| name.starts_with(prefix)) {
                command.env_remove(name.as_ref());
            }
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        command
    }

    fn cannot_start(&self) -> String {
        format!("`{self}` cannot be started: is {} installed?", self.program.to_string_lossy())
    }
}

impl std::fmt::Display for Run {
    /// As one would type it.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = String::new();
        for (name, value) in &self.environment {
            write!(text, "{name}={} ", quoted(value))?;
        }
        text.push_str(&quoted(&self.program));
        for argument in &self.arguments {
            write!(text, " {}", quoted(argument))?;
        }
        f.write_str(&text)
    }
}

/// In single quotes where a shell would split it.
fn quoted(text: &OsStr) -> String {
    let text = text.to_string_lossy();
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_=./:,@+".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', "'\\''"))
    }
}

/// The target directory that this program was built into.
pub(crate) fn target_directory() -> anyhow::Result<PathBuf> {
    let program = env::current_exe().context("finding this program")?;
    // target/debug/xtask, or target/debug/deps/xtask-… in a test.
    let profile = program
        .ancestors()
        .find(|directory| directory.join(".fingerprint").is_dir() || directory.join("build").is_dir());
    profile
        .and_then(Path::parent)
        .map(Path::to_owned)
        .with_context(|| format!("{} does not lie in a target directory", program.display()))
}

#[cfg(test)]
mod tests;
