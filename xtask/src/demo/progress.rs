//! A bar for people, plain lines for logs.

use std::{
    io::{self, IsTerminal},
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
    time::Instant,
};

use indicatif::{ProgressBar, ProgressStyle};

/// Plain lines come at every tenth part.
const PLAIN_PARTS: usize = 10;

/// The progress of `total` equal things.
#[derive(Debug)]
pub(crate) struct Progress {
    what: &'static str,
    total: usize,
    done: AtomicUsize,
    started: Instant,
    bar: Option<ProgressBar>,
    said: AtomicBool,
}

impl Progress {
    pub(crate) fn new(what: &'static str, total: usize) -> Self {
        let bar = io::stdout().is_terminal().then(|| {
            let length = u64::try_from(total).unwrap_or(u64::MAX);
            let template = "   {bar:40} {pos}/{len} {msg}, {per_sec}, {elapsed}";
            let style =
                ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar());
            ProgressBar::new(length).with_style(style).with_message(what)
        });
        Self {
            what,
            total,
            done: AtomicUsize::new(0),
            started: Instant::now(),
            bar,
            said: AtomicBool::new(false),
        }
    }

    /// One more is done.
    pub(crate) fn advance(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bar) = &self.bar {
            bar.inc(1);
        } else if done == self.total || done.is_multiple_of((self.total / PLAIN_PARTS).max(1)) {
            self.print(&format!(
                "   {done}/{} {}, {:.1} s",
                self.total,
                self.what,
                self.started.elapsed().as_secs_f64()
            ));
        }
    }

    /// Says something the first time it is asked to, and then no more.
    pub(crate) fn say_once(&self, text: &str) {
        if !self.said.swap(true, Ordering::Relaxed) {
            self.print(&format!("   {text}"));
        }
    }

    /// Leaves the bar as it stands.
    pub(crate) fn finish(&self) {
        if let Some(bar) = &self.bar {
            bar.finish();
        }
    }

    fn print(&self, text: &str) {
        if let Some(bar) = &self.bar {
            bar.println(text);
        } else {
            println!("{text}");
        }
    }
}
