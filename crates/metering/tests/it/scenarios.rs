//! Ledgers as text: each line is done or checked in its turn, and at the end the audit must agree.

use std::collections::HashMap;

use tollgate_domain::{ApiKeyPurpose, Credential, Outcome, PriceList, StatedUsage};
use tollgate_metering::audit;
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::tariffs::{self, WantedTariff};
use tollgate_testkit::scenario::{self, Expected, Step, TariffStep, UseStep};

use crate::books::{Books, Recorder, Running};

struct Player {
    books: Books,
    running: Running,
    recorder: Recorder,
    users: Vec<String>,
    keys: HashMap<String, Credential>,
    models: HashMap<String, Vec<WantedTariff>>,
    movements: u32,
}

/// Plays a scenario on fresh books.
async fn check(text: &str) {
    let books = Books::open().await;
    let running = books.run();
    let mut player = Player {
        books,
        running,
        recorder: Recorder::new(),
        users: Vec::new(),
        keys: HashMap::new(),
        models: HashMap::new(),
        movements: 0,
    };
    for line in scenario::parse(text).unwrap() {
        let done = player.play(&line.step).await;
        assert!(done.is_ok(), "line {}: {}: {}", line.number, line.text, done.unwrap_err());
    }
    player.running.stop().await.unwrap();
    let report = audit::audit(&player.books.store, &player.books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

fn equal(what: &str, found: &str, expected: &str) -> Result<(), String> {
    if found == expected { Ok(()) } else { Err(format!("{what} is {found}, not {expected}")) }
}

impl Player {
    async fn play(&mut self, step: &Step) -> Result<(), String> {
        match step {
            Step::Grant { user, amount } => self.movement(user, MovementKind::AdminGrant, amount).await,
            Step::Remove { user, amount } => self.movement(user, MovementKind::AdminRemoval, amount).await,
            Step::Tariff(tariff) => self.tariff(tariff).await,
            Step::Key { key, user, purpose } => {
                self.user(user).await;
                let id = self.books.key(user, purpose.parse::<ApiKeyPurpose>().unwrap()).await;
                self.keys.insert(key.clone(), Credential::Key(id));
            }
            Step::Use(usage) => return self.usage(usage).await,
            Step::Balance { user, amount } => {
                let balance = self.books.balance(user).await.to_string();
                let sql = "select coalesce(trim_scale(sum(case when transaction_type in ('usage', 'admin_removal') \
                           then -amount else amount end)), 0)::text \
                           from credits_transactions t join users u on u.id = t.user_id where u.name = $1";
                equal("the sum of the ledger", &self.books.text_with(sql, &[user]).await, &balance)?;
                return equal("the balance", &balance, amount);
            }
            Step::Entries { user, count } => {
                let sql = "select count(*)::text from credits_transactions t join users u on u.id = t.user_id \
                           where u.name = $1";
                let found = self.books.text_with(sql, &[user]).await;
                return equal("the number of entries", &found, &count.to_string());
            }
        }
        Ok(())
    }

    async fn user(&mut self, name: &str) {
        if !self.users.iter().any(|known| known == name) {
            self.books.user(name, "0").await;
            self.users.push(name.to_owned());
        }
    }

    async fn movement(&mut self, user: &str, kind: MovementKind, amount: &str) {
        self.user(user).await;
        self.movements += 1;
        let new = NewMovement {
            user: user.to_owned(),
            kind,
            amount: amount.parse().unwrap(),
            source_id: format!("movement {}", self.movements),
            description: String::new(),
        };
        self.books.store.tx("movement", async |tx| movements::apply(&tx, &new, "test").await).await.unwrap();
    }

    /// Opens the tariff at its time, and closes it at its end by leaving it out of the list that is wanted then.
    async fn tariff(&mut self, step: &TariffStep) {
        if !self.models.contains_key(&step.model) {
            self.books.model(&step.model).await;
        }
        let other = |kind: &str| {
            let found = step.other_prices.iter().find(|(name, _)| name == kind);
            found.map(|(_, price)| price.parse().unwrap())
        };
        let tariff = WantedTariff {
            purpose: step.purpose.parse().unwrap(),
            completion_window: step.window.clone(),
            prices: PriceList {
                input_price: step.input_price.parse().unwrap(),
                output_price: step.output_price.parse().unwrap(),
                cache_read_price: other("cache_read"),
                cache_write_5m_price: other("cache_write_5m"),
                cache_write_1h_price: other("cache_write_1h"),
                audio_input_price: other("audio_input"),
                image_input_price: other("image_input"),
                reasoning_price: other("reasoning"),
                audio_output_price: other("audio_output"),
                request_price: other("request"),
            },
            valid_from: Some(step.from),
        };
        self.books.clock.set(step.from);
        let wanted = self.models.entry(step.model.clone()).or_default();
        wanted.push(tariff.clone());
        self.books.tariff(&step.model, tariff).await;
        if let Some(until) = step.until {
            wanted.pop();
            self.books.clock.set(until);
            let store = &self.books.store;
            store
                .tx("close", async |tx| {
                    tariffs::replace(&tx, &step.model, wanted, self.books.clock.as_ref(), "test").await
                })
                .await
                .unwrap();
        }
    }

    async fn usage(&mut self, step: &UseStep) -> Result<(), String> {
        let credential = step.key.as_ref().map_or(Credential::None, |key| self.keys[key]);
        let counts = &step.counts;
        let mut record = self.recorder.record(credential, &step.model, counts.prompt, counts.completion);
        record.usage = StatedUsage {
            reasoning_tokens: counts.reasoning,
            cache_read_tokens: counts.cache_read,
            cache_write_5m_tokens: counts.cache_write_5m,
            cache_write_1h_tokens: counts.cache_write_1h,
            audio_input_tokens: counts.audio_input,
            audio_output_tokens: counts.audio_output,
            image_input_tokens: counts.image_input,
            ..record.usage
        };
        record.timestamp = step.at;
        record.status_code = step.status.into();
        if !(200..300).contains(&step.status) {
            record.outcome = Outcome::Failed;
        }
        record.batch.batch_completion_window = step.window.clone();
        let number = record.correlation_id;
        self.running.send(record).await;
        if step.expected == Expected::Quarantined {
            self.books.wait_for_count(&format!("quarantine where correlation_id = {number}"), 1).await;
            return Ok(());
        }
        self.books.wait_for_count(&format!("usage_records where correlation_id = {number}"), 1).await;
        let sql = format!(
            "select case state when 'charged' then trim_scale(total_cost)::text else state end \
             from http_analytics where correlation_id = {number}"
        );
        let expected = match &step.expected {
            Expected::Charged(amount) => amount,
            Expected::Free => "free",
            Expected::Unrated => "unrated",
            Expected::Quarantined => "quarantined",
        };
        equal("the request", &self.books.text(&sql).await, expected)
    }
}

#[tokio::test]
async fn each_request_pays_the_price_of_its_purpose_window_and_time() {
    check(
        "grant   alice 10
         tariff  gpt realtime 0.00001/0.00003 from 10:00
         tariff  gpt batch 0.000005/0.000015 window=24h from 10:00 until 11:00
         key     night of alice batch
         use     alice-key gpt 1000+500 at 10:05             => 0.025
         use     night gpt 1000+500 window=24h at 10:05      => 0.0125
         use     night gpt 1000+500 window=1h at 10:05       => 0.025     # never another window's price
         use     night gpt 1000+500 at 10:05                 => 0.025
         use     alice-key gpt 1000+500 window=24h at 10:05  => 0.025     # a window alone makes no batch
         use     night gpt 1000+500 window=24h at 11:00      => 0.025     # the window's price has ended
         use     - gpt 1000+500 at 10:05                     => free
         use     alice-key gpt 1000+500 at 09:59:59.999999   => unrated
         use     alice-key gpt 1000+500 at 10:00             => 0.025
         balance alice 9.8375
         entries alice 8",
    )
    .await;
}

#[tokio::test]
async fn a_price_ends_at_the_instant_at_which_the_next_begins() {
    check(
        "grant   alice 1
         tariff  gpt realtime 0.001/0.001 from 10:00
         tariff  gpt realtime 0.002/0.002 from 11:00
         tariff  gpt realtime 0.003/0.003 from 12:00
         use     alice-key gpt 1+0 at 10:59:59.999999 => 0.001
         use     alice-key gpt 1+0 at 11:00           => 0.002
         use     alice-key gpt 1+0 at 11:59:59.999999 => 0.002
         use     alice-key gpt 1+0 at 12:00           => 0.003
         balance alice 0.992",
    )
    .await;
}

#[tokio::test]
async fn each_kind_of_token_pays_its_own_price_once() {
    check(
        "grant   alice 100
         tariff  plain realtime 0.001/0.01 from 10:00
         tariff  full realtime 0.001/0.01 cache_read=0.0001 cache_write_5m=0.002 cache_write_1h=0.003 reasoning=0.02 from 10:00
         use     alice-key plain 100+10 cache_read=50 cache_write_5m=10 reasoning=5 at 10:05                => 0.2
         use     alice-key full 100+10 cache_read=50 at 10:05                                               => 0.155
         use     alice-key full 100+10 cache_read=50 cache_write_5m=10 cache_write_1h=20 at 10:05           => 0.205
         use     alice-key full 100+10 reasoning=4 at 10:05                                                 => 0.24
         use     alice-key full 100+10 cache_read=200 reasoning=20 at 10:05                                 => 0.21   # clamped
         use     alice-key full 10+0 status=500 at 10:05                                                    => 0.01   # stated, so charged
         use     alice-key full 9999999999+0 at 10:05                                                       => quarantined
         balance alice 98.98",
    )
    .await;
}

#[tokio::test]
async fn grants_removals_and_usage_are_one_ledger() {
    check(
        "grant   alice 0.05
         grant   bob 0.000000000001
         tariff  gpt realtime 0.000000000001/0 request=0.01 from 10:00
         tariff  gift realtime 0/0 from 10:00
         use     alice-key gpt 1+0 at 10:05     => 0.010000000001
         use     alice-key gift 1000+1000 at 10:05 => free
         remove  alice 0.05
         use     alice-key gpt 0+0 at 10:06     => 0.01
         balance alice -0.020000000001
         entries alice 4
         balance bob 0.000000000001
         entries bob 1",
    )
    .await;
}
