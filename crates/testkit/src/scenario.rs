//! The text in which ledger tests are written. This module reads it; the tests of `metering` drive the engine with it.
//!
//! ```text
//! # Comments and empty lines are for the reader.
//! grant   alice 10
//! tariff  gpt realtime 0.00001/0.00003 from 10:00
//! tariff  gpt batch 0.000005/0.000015 window=24h from 10:00 until 11:00
//! key     night of alice batch
//! use     alice-key gpt 1000+500 at 10:05                    => 0.025
//! use     night gpt 1000+500 window=24h reasoning=20 at 10:05 => 0.0125
//! use     - gpt 10+5 at 10:05                                => free
//! use     alice-key gpt 10+5 at 09:00                        => unrated
//! remove  alice 1
//! balance alice 8.9625
//! entries alice 4
//! ```
//! A key that no line declares and whose name is `{user}-key` is a realtime key of that user. `-` is no credential. Times
//! are of [`DAY`], UTC, to the microsecond. Amounts and prices stay text: reading them is what is tested.

use std::{collections::HashSet, fmt};

use jiff::{Timestamp, civil::Date, civil::Time, tz::TimeZone};

use crate::upstream::Counts;

/// The day on which every scenario plays.
pub const DAY: Date = jiff::civil::date(2026, 1, 15);

/// A line, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// Its number in the text, from 1; an implied step has that of the line that implies it.
    pub number: usize,
    /// As written, for messages.
    pub text: String,
    /// What to do or to check.
    pub step: Step,
}

/// One thing to do or to check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Give a user credits.
    Grant {
        /// Who; made when first named.
        user: String,
        /// How many.
        amount: String,
    },
    /// Take credits from a user.
    Remove {
        /// From whom.
        user: String,
        /// How many.
        amount: String,
    },
    /// Open a tariff beside those there are.
    Tariff(TariffStep),
    /// Make a key. Precedes the first use of it.
    Key {
        /// Its name in the scenario.
        key: String,
        /// Whose.
        user: String,
        /// `realtime`, `batch`, `playground`, `platform`.
        purpose: String,
    },
    /// A request, and how it must be entered.
    Use(UseStep),
    /// A user's balance must be this, and so must the sum of the user's ledger.
    Balance {
        /// Whose.
        user: String,
        /// What.
        amount: String,
    },
    /// A user's ledger must have so many entries.
    Entries {
        /// Whose.
        user: String,
        /// How many.
        count: usize,
    },
}

/// `tariff MODEL PURPOSE INPUT/OUTPUT [window=W] [KIND=PRICE …] from T [until T]`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TariffStep {
    /// The model's alias; made when first named.
    pub model: String,
    /// The purpose that it is for.
    pub purpose: String,
    /// The completion window that it is for.
    pub window: Option<String>,
    /// Per token in.
    pub input_price: String,
    /// Per token out.
    pub output_price: String,
    /// Prices of other kinds, by the name of their field in `PriceList` without `_price`: `cache_read=0.000001`.
    pub other_prices: Vec<(String, String)>,
    /// When it begins.
    pub from: Timestamp,
    /// When it ends.
    pub until: Option<Timestamp>,
}

/// `use KEY MODEL PROMPT+COMPLETION [window=W] [status=S] [KIND=N …] at T => AMOUNT|free|unrated|quarantined`
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UseStep {
    /// The key; `None` for a request without credential.
    pub key: Option<String>,
    /// The model's alias.
    pub model: String,
    /// What the provider stated.
    pub counts: Counts,
    /// The batch's completion window.
    pub window: Option<String>,
    /// The status; 200 unless said.
    pub status: u16,
    /// The request's time.
    pub at: Timestamp,
    /// How it must be entered.
    pub expected: Expected,
}

/// How a request must be entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// Charged exactly this.
    Charged(String),
    /// Free.
    Free,
    /// Without a price, for now.
    Unrated,
    /// In quarantine.
    Quarantined,
}

/// A line that does not read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadScenario {
    number: usize,
    text: String,
    why: String,
}

impl fmt::Display for BadScenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} of the scenario, {:?}: {}", self.number, self.text, self.why)
    }
}

impl std::error::Error for BadScenario {}

/// Reads a scenario.
pub fn parse(text: &str) -> Result<Vec<Line>, BadScenario> {
    let mut lines = Vec::new();
    let mut keys: HashSet<String> = HashSet::new();
    for (index, text) in text.lines().enumerate() {
        let number = index + 1;
        let said = text.split('#').next().unwrap_or_default().trim();
        if said.is_empty() {
            continue;
        }
        let bad = |why: String| BadScenario { number, text: said.to_owned(), why };
        let line = |step| Line { number, text: said.to_owned(), step };
        let step = Words::of(said).step().map_err(bad)?;
        match &step {
            Step::Key { key, .. } => {
                keys.insert(key.clone());
            }
            Step::Use(UseStep { key: Some(key), .. }) if !keys.contains(key) => {
                let Some(user) = key.strip_suffix("-key") else {
                    return Err(bad(format!("declare the key first: key {key} of USER PURPOSE")));
                };
                let (key, user) = (key.clone(), user.to_owned());
                keys.insert(key.clone());
                lines.push(line(Step::Key { key, user, purpose: "realtime".to_owned() }));
            }
            _ => {}
        }
        lines.push(line(step));
    }
    Ok(lines)
}

/// The words of a line, taken from the left.
#[derive(Debug)]
struct Words<'a> {
    rest: std::iter::Peekable<std::str::SplitWhitespace<'a>>,
}

type Read<T> = Result<T, String>;

impl<'a> Words<'a> {
    fn of(line: &'a str) -> Self {
        Self { rest: line.split_whitespace().peekable() }
    }

    fn step(mut self) -> Read<Step> {
        let step = match self.next("a verb")? {
            "grant" => Step::Grant { user: self.name()?, amount: self.decimal()? },
            "remove" => Step::Remove { user: self.name()?, amount: self.decimal()? },
            "balance" => Step::Balance { user: self.name()?, amount: self.decimal()? },
            "entries" => Step::Entries { user: self.name()?, count: self.number("a count")? },
            "key" => {
                let key = self.name()?;
                self.expect("of")?;
                Step::Key { key, user: self.name()?, purpose: self.name()? }
            }
            "tariff" => Step::Tariff(self.tariff()?),
            "use" => Step::Use(self.usage()?),
            other => return Err(format!("there is no verb {other:?}")),
        };
        match self.rest.next() {
            None => Ok(step),
            Some(word) => Err(format!("{word:?} is too much")),
        }
    }

    fn tariff(&mut self) -> Read<TariffStep> {
        let (model, purpose) = (self.name()?, self.name()?);
        let prices = self.next("INPUT/OUTPUT")?;
        let (input, output) = prices.split_once('/').ok_or("the prices are INPUT/OUTPUT")?;
        let (input_price, output_price) = (decimal(input)?, decimal(output)?);
        let (mut window, mut other_prices) = (None, Vec::new());
        for (name, value) in self.options() {
            match name {
                "window" => window = Some(value.to_owned()),
                _ => other_prices.push((name.to_owned(), decimal(value)?)),
            }
        }
        self.expect("from")?;
        let from = self.time()?;
        let until = if self.rest.next_if_eq(&"until").is_some() { Some(self.time()?) } else { None };
        Ok(TariffStep { model, purpose, window, input_price, output_price, other_prices, from, until })
    }

    fn usage(&mut self) -> Read<UseStep> {
        let key = Some(self.name()?).filter(|key| key != "-");
        let model = self.name()?;
        let tokens = self.next("PROMPT+COMPLETION")?;
        let (prompt, completion) = tokens.split_once('+').ok_or("the tokens are PROMPT+COMPLETION")?;
        let mut counts =
            Counts { prompt: number(prompt)?, completion: number(completion)?, ..Counts::default() };
        let (mut window, mut status) = (None, 200);
        for (name, value) in self.options() {
            match name {
                "window" => window = Some(value.to_owned()),
                "status" => status = number(value)?,
                "reasoning" => counts.reasoning = number(value)?,
                "cache_read" => counts.cache_read = number(value)?,
                "cache_write_5m" => counts.cache_write_5m = number(value)?,
                "cache_write_1h" => counts.cache_write_1h = number(value)?,
                "audio_input" => counts.audio_input = number(value)?,
                "audio_output" => counts.audio_output = number(value)?,
                "image_input" => counts.image_input = number(value)?,
                _ => return Err(format!("there is no option {name:?}")),
            }
        }
        self.expect("at")?;
        let at = self.time()?;
        self.expect("=>")?;
        let expected = match self.next("what is expected")? {
            "free" => Expected::Free,
            "unrated" => Expected::Unrated,
            "quarantined" => Expected::Quarantined,
            amount => Expected::Charged(decimal(amount)?),
        };
        Ok(UseStep { key, model, counts, window, status, at, expected })
    }

    /// The words `name=value` that come next.
    fn options(&mut self) -> Vec<(&'a str, &'a str)> {
        let mut options = Vec::new();
        while let Some(option) =
            self.rest.peek().and_then(|word| word.split_once('=')).filter(|(name, _)| !name.is_empty())
        {
            options.push(option);
            self.rest.next();
        }
        options
    }

    fn next(&mut self, what: &str) -> Read<&'a str> {
        self.rest.next().ok_or_else(|| format!("{what} is missing"))
    }

    fn expect(&mut self, word: &str) -> Read<()> {
        match self.rest.next() {
            Some(found) if found == word => Ok(()),
            found => Err(format!("{word:?} belongs where {:?} is", found.unwrap_or("nothing"))),
        }
    }

    fn name(&mut self) -> Read<String> {
        self.next("a name").map(str::to_owned)
    }

    fn decimal(&mut self) -> Read<String> {
        decimal(self.next("an amount")?)
    }

    fn number<N: std::str::FromStr>(&mut self, what: &str) -> Read<N> {
        number(self.next(what)?)
    }

    /// `10:05`, `10:05:30`, `10:05:30.000001`
    fn time(&mut self) -> Read<Timestamp> {
        let word = self.next("a time")?;
        let time: Time = word.parse().map_err(|_| format!("{word:?} is no time"))?;
        let at = DAY.to_datetime(time).to_zoned(TimeZone::UTC).map_err(|error| error.to_string())?;
        Ok(at.timestamp())
    }
}

fn number<N: std::str::FromStr>(word: &str) -> Read<N> {
    word.parse().map_err(|_| format!("{word:?} is no number"))
}

/// Digits with at most one point and a sign: what money looks like.
fn decimal(word: &str) -> Read<String> {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if is_digits(whole) && is_digits(fraction) {
        Ok(word.to_owned())
    } else {
        Err(format!("{word:?} is no amount"))
    }
}

#[cfg(test)]
mod tests;
