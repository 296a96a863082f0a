//! The journal: what was confirmed is in the books once, whatever happens to process and database in between.

use std::path::Path;
use std::sync::Arc;

use jiff::SignedDuration;
use prometheus_client::registry::Registry;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tollgate_domain::{ApiKeyPurpose, Clock as _, Credential, Outcome, RawAnalyticsRecord, UsageSource};
use tollgate_metering::journal::{self, OnInterrupted, SpoolConfig};
use tollgate_metering::{AnalyticsBatcher, AnalyticsConfig, Drained, Journal, RunError, audit};
use tollgate_spool::{Class, Which};
use tollgate_testkit::SmallDisk;

use crate::books::{Books, Recorder, price, sample};

mod former_lives;
mod lost_commits;

/// The kind of an end in the spool.
const FINISHED: u8 = 2;

/// A gateway without HTTP: a journal, and the batcher that it feeds.
struct Gateway {
    journal: Journal,
    recorder: Recorder,
    credential: Credential,
    registry: Arc<Registry>,
    shutdown: CancellationToken,
    task: JoinHandle<Result<Drained, RunError>>,
}

/// What is the same for every life of a gateway.
struct House {
    books: Books,
    credential: Credential,
    directory: tempfile::TempDir,
    config: SpoolConfig,
    analytics: AnalyticsConfig,
}

impl House {
    /// One customer with a thousand credits; a request of 10 + 10 tokens costs 0.03.
    async fn build() -> Self {
        let books = Books::open().await;
        books.model("m").await;
        books.tariff("m", price("0.001", "0.002")).await;
        books.user("ada", "1000").await;
        let credential = Credential::Key(books.key("ada", ApiKeyPurpose::Realtime).await);
        let config = SpoolConfig { reserve_bytes: 64 * 1024, ..SpoolConfig::default() };
        let directory = tempfile::tempdir().unwrap();
        Self { books, credential, directory, config, analytics: AnalyticsConfig::default() }
    }

    async fn start(&self) -> Gateway {
        self.start_in(self.directory.path()).await
    }

    async fn start_in(&self, directory: &Path) -> Gateway {
        let mut registry = Registry::default();
        let clock = Arc::clone(&self.books.clock) as Arc<dyn tollgate_domain::Clock>;
        let journal =
            Journal::open(&self.books.store, &self.config, directory, Arc::clone(&clock), &mut registry)
                .await
                .unwrap();
        let batcher = AnalyticsBatcher::with_journal(
            self.books.store.clone(),
            self.analytics.clone(),
            clock,
            self.books.keys(),
            &journal,
            &mut registry,
        );
        let shutdown = CancellationToken::new();
        let task = tokio::spawn(batcher.run(shutdown.clone()));
        let recorder = Recorder::of(journal.instance_id());
        let credential = self.credential;
        Gateway { journal, recorder, credential, registry: Arc::new(registry), shutdown, task }
    }

    async fn wait_for_records(&self, expected: i64) {
        self.books.wait_for_count("usage_records", expected).await;
    }

    /// Admitted, finished, interrupted, as the books say it.
    async fn counts(&self) -> String {
        self.books
            .text("select string_agg(concat_ws(' ', admitted, finished, interrupted), ', ') from instances where log_position > 0")
            .await
    }

    /// A connection that holds the locks of a statement until it is dropped, or its database is.
    async fn blocking(&self, sql: &str) -> tokio_postgres::Client {
        let url = self.books.database().url().to_owned();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.batch_execute(&format!("begin; {sql}")).await.unwrap();
        client
    }

    /// From now on this database takes no change of the user's balance, as if it were about to go.
    async fn refuse_charges_of(&self, user: &str) {
        let sql = format!(
            "create function refuse() returns trigger language plpgsql as
                 $$ begin raise exception 'going down' using errcode = '57P03'; end $$;
             create trigger refuse before update on user_balances for each row
                 when (new.user_id = '{}') execute function refuse()",
            self.books.text(&format!("select id::text from users where name = '{user}'")).await
        );
        self.books.execute(&sql).await;
    }

    async fn assert_balance_is_the_ledger(&self) {
        let sum = "select trim_scale(1000 - sum(amount_pico) * 0.000000000001)::text from usage_records";
        assert_eq!(self.books.text(sum).await, self.books.balance("ada").await.to_string());
    }

    async fn assert_sound(&self, records: i64, balance: &str) {
        assert_eq!(self.books.count("usage_records").await, records);
        assert_eq!(self.books.balance("ada").await.to_string(), balance);
        let report = audit::audit(&self.books.store, &self.books.keys()).await.unwrap();
        assert!(report.ok(), "{report:#?}");
    }
}

impl Gateway {
    fn record(&mut self) -> RawAnalyticsRecord {
        self.recorder.record(self.credential, "m", 10, 10)
    }

    /// A request from its admission to its durable end.
    async fn serve(&mut self) {
        let mut place = self.journal.try_reserve().unwrap();
        let record = RawAnalyticsRecord { correlation_id: place.correlation_id(), ..self.record() };
        place.admit(&record, Some(400)).durable().await.unwrap();
        place.finish(record).1.durable().await.unwrap();
    }

    /// A request that was admitted and has not ended.
    async fn begin(&mut self, body_bytes: u64) {
        let mut place = self.journal.try_reserve().unwrap();
        let record = RawAnalyticsRecord { correlation_id: place.correlation_id(), ..self.record() };
        place.admit(&record, Some(body_bytes)).durable().await.unwrap();
    }

    /// A request that is cut off by the gateway's own shutdown.
    async fn interrupt(&mut self, body_bytes: u64) {
        let mut place = self.journal.try_reserve().unwrap();
        let mut record = RawAnalyticsRecord { correlation_id: place.correlation_id(), ..self.record() };
        (record.outcome, record.usage_source) = (Outcome::Interrupted, UsageSource::None);
        drop(place.admit(&record, Some(body_bytes)));
        place.finish(record).1.durable().await.unwrap();
    }

    /// Many requests whose ends become durable together.
    async fn serve_many(&mut self, count: usize) {
        let mut ends = Vec::with_capacity(count);
        for _ in 0..count {
            let mut place = self.journal.try_reserve().unwrap();
            let record = RawAnalyticsRecord { correlation_id: place.correlation_id(), ..self.record() };
            drop(place.admit(&record, None));
            ends.push(place.finish(record).1);
        }
        for end in ends {
            end.durable().await.unwrap();
        }
    }

    async fn stop(self) -> Drained {
        self.shutdown.cancel();
        let drained = self.task.await.unwrap().unwrap();
        tokio::task::spawn_blocking(move || self.journal.close()).await.unwrap().unwrap();
        drained
    }

    /// What `kill -9` leaves: the files as they are now, in another place. This gateway goes no further.
    async fn kill(self) -> tempfile::TempDir {
        self.task.abort();
        self.task.await.unwrap_err();
        let image = tempfile::tempdir().unwrap();
        for name in ["spool.sqlite", "spool.sqlite-wal", "spool.mark"] {
            std::fs::copy(self.journal.directory().join(name), image.path().join(name)).unwrap();
        }
        image
    }
}

#[tokio::test]
async fn a_request_is_entered_once_and_its_spool_is_told() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    for _ in 0..5 {
        gateway.serve().await;
    }
    house.wait_for_records(5).await;
    let drained = gateway.stop().await;
    assert_eq!((drained.records, drained.inserted, drained.left_in_spool), (5, 5, 0));
    assert_eq!(house.counts().await, "5 5 0");
    let gateway = house.start().await;
    assert_eq!(gateway.journal.waiting(), 0);
    assert_eq!(gateway.stop().await.records, 0);
    house.assert_sound(5, "999.85").await;
}

#[tokio::test]
async fn a_request_whose_admission_was_withdrawn_is_counted_and_entered_once_also_after_a_kill() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    for _ in 0..20 {
        let mut place = gateway.journal.try_reserve().unwrap();
        let record = RawAnalyticsRecord { correlation_id: place.correlation_id(), ..gateway.record() };
        let admitted = place.admit(&record, Some(400));
        // On a slow machine it may have been written already.
        if place.withdraw() {
            assert!(!place.withdraw(), "once");
            admitted.durable().await.unwrap_err();
        } else {
            admitted.durable().await.unwrap();
        }
        place.finish(record).1.durable().await.unwrap();
    }
    house.wait_for_records(20).await;
    let image = gateway.kill().await;
    let next = house.start_in(image.path()).await;
    next.stop().await;
    assert_eq!(house.counts().await, "20 20 0");
    house.assert_sound(20, "999.4").await;
}

#[tokio::test]
async fn what_was_finished_before_a_kill_is_entered_by_the_next_life() {
    let mut house = House::build().await;
    // The database is away for the whole of the first life, but for its beginning.
    let mut first = house.start().await;
    first.serve().await;
    house.wait_for_records(1).await;
    first.task.abort();
    first.serve_many(700).await;
    let image = first.kill().await;
    house.directory = image;
    let second = house.start().await;
    house.wait_for_records(701).await;
    assert_eq!(sample(&second.registry, "tollgate_credits_duplicates_total"), 0.0);
    second.stop().await;
    assert_eq!(house.counts().await, "701 701 0");
    house.assert_sound(701, "978.97").await;
}

#[tokio::test]
async fn what_was_entered_and_not_acknowledged_before_a_kill_is_not_charged_again() {
    let mut house = House::build().await;
    let first = tempfile::tempdir().unwrap();
    let mut gateway = house.start_in(first.path()).await;
    gateway.serve_many(300).await;
    // As if the kill came right after COMMIT: the files from before it.
    let before_commit = tempfile::tempdir().unwrap();
    for name in ["spool.sqlite", "spool.sqlite-wal", "spool.mark"] {
        std::fs::copy(first.path().join(name), before_commit.path().join(name)).unwrap();
    }
    house.wait_for_records(300).await;
    gateway.stop().await;
    house.directory = before_commit;
    let second = house.start().await;
    second.stop().await;
    assert_eq!(house.counts().await, "300 300 0");
    house.assert_sound(300, "991").await;
}

#[tokio::test]
async fn an_open_request_of_a_life_that_is_over_is_voided_once() {
    let mut house = House::build().await;
    let mut first = house.start().await;
    first.serve().await;
    first.begin(4000).await;
    first.begin(4000).await;
    first.serve().await;
    house.wait_for_records(2).await;
    house.directory = first.kill().await;
    let mut second = house.start().await;
    second.serve().await;
    house.wait_for_records(5).await;
    assert_eq!(sample(&second.registry, "tollgate_interrupted_requests_total{settled=\"voided\"}"), 2.0);
    assert_eq!(house.books.count("usage_records where state = 'v'").await, 2);
    let outcomes = "select string_agg(distinct outcome, ' ') from http_analytics where state = 'voided'";
    assert_eq!(house.books.text(outcomes).await, "interrupted");
    house.directory = second.kill().await;
    let third = house.start().await;
    third.stop().await;
    assert_eq!(house.counts().await, "5 3 2");
    house.assert_sound(5, "999.91").await;
}

#[tokio::test]
async fn an_open_request_pays_its_prompt_where_the_operator_says_so() {
    let mut house = House::build().await;
    house.config.on_interrupted = OnInterrupted::Estimate;
    // Some gateway has a lease of the money.
    let lease = "insert into credit_leases (user_no, epoch, instance_id, amount, needed, held, expires_at)
                 select user_no, gen_random_uuid(), gen_random_uuid(), 1, 0, 0, now() + interval '1 hour'
                   from user_balances where balance > 0";
    house.books.execute(lease).await;
    let mut first = house.start().await;
    first.begin(4001).await;
    house.directory = first.kill().await;
    let mut second = house.start().await;
    house.wait_for_records(1).await;
    assert_eq!(sample(&second.registry, "tollgate_interrupted_requests_total{settled=\"estimated\"}"), 1.0);
    let row = "select concat_ws(' ', state, usage_source, prompt_tokens, total_cost) from http_analytics";
    assert_eq!(house.books.text(row).await, "charged estimated 1001 1.001000000000");
    // One that a shutdown cuts off is no other.
    second.interrupt(1999).await;
    house.wait_for_records(2).await;
    let row = "select concat_ws(' ', state, outcome, prompt_tokens, total_cost) from http_analytics order by correlation_id desc limit 1";
    assert_eq!(house.books.text(row).await, "charged interrupted 500 0.500000000000");
    // Nothing was held for either any more when they were charged.
    assert_eq!(house.books.text("select unheld::text from credit_overdrafts").await, "1.501000000000");
    second.stop().await;
    house.assert_sound(2, "998.499").await;
}

#[tokio::test]
async fn more_than_the_channel_holds_waits_in_the_spool_and_is_entered_in_order() {
    let mut house = House::build().await;
    house.analytics.channel_capacity = 10;
    house.analytics.batch_size = 64;
    for flushers in [1, 3] {
        house.analytics.flushers = flushers;
        let mut gateway = house.start().await;
        house.books.execute("begin; lock table usage_records in access exclusive mode; commit").await;
        gateway.serve_many(2000).await;
        let drained = gateway.stop().await;
        assert_eq!((drained.inserted, drained.left_in_spool), (2000, 0), "{flushers} flushers");
    }
    assert_eq!(house.counts().await, "4000 4000 0");
    let positions = "select string_agg(committed_position::text, ' ') from instances where log_position > 0";
    assert_eq!(house.books.text(positions).await, "4000");
    house.assert_sound(4000, "880").await;
}

#[tokio::test]
async fn a_shutdown_that_runs_out_of_time_leaves_the_rest_to_the_next_life() {
    let mut house = House::build().await;
    house.analytics.shutdown_timeout_ms = 200;
    let mut gateway = house.start().await;
    gateway.serve().await;
    house.wait_for_records(1).await;
    let client = house.blocking("lock table user_balances in access exclusive mode").await;
    gateway.serve_many(50).await;
    let drained = gateway.stop().await;
    assert!(drained.left_in_spool >= 50, "{drained:?}");
    client.batch_execute("rollback").await.unwrap();
    let next = house.start().await;
    house.wait_for_records(51).await;
    next.stop().await;
    house.assert_sound(51, "998.47").await;
}

#[tokio::test]
async fn a_request_for_whose_end_there_was_no_room_is_settled_when_there_is() {
    let mut house = House::build().await;
    let Some(disk) = SmallDisk::mount(4) else { return };
    house.config.size_limit_bytes = 64 << 20;
    let mut gateway = house.start_in(&disk.path().join("spool")).await;
    // The database stands still, so that nothing makes room.
    let client = house.blocking("lock table user_balances in access exclusive mode").await;
    let mut places =
        (0..2_000).map(|_| gateway.journal.try_reserve().unwrap()).collect::<Vec<_>>().into_iter();
    disk.fill();
    let mut finished = 0;
    let mut is_kept = true;
    while is_kept {
        let place = places.next().unwrap();
        let record = RawAnalyticsRecord { correlation_id: place.correlation_id(), ..gateway.record() };
        is_kept = place.finish(record).1.durable().await.is_ok();
        finished += 1;
    }
    assert!(gateway.journal.is_sound());
    disk.free();
    client.batch_execute("rollback").await.unwrap();
    house.wait_for_records(finished).await;
    // Its client was told that the answer could not be recorded.
    assert_eq!(house.books.count("usage_records where state = 'v'").await, 1);
    gateway.stop().await;
}

#[tokio::test]
async fn a_request_whose_admission_a_full_disk_refused_is_counted_as_one_all_the_same() {
    let mut house = House::build().await;
    let Some(disk) = SmallDisk::mount(4) else { return };
    house.config.size_limit_bytes = 64 << 20;
    let mut gateway = house.start_in(&disk.path().join("spool")).await;
    let places = (0..40).map(|_| gateway.journal.try_reserve().unwrap()).collect::<Vec<_>>();
    disk.fill();
    let mut refused = 0;
    let mut kept = 0;
    for mut place in places {
        let record = RawAnalyticsRecord { correlation_id: place.correlation_id(), ..gateway.record() };
        // Nobody has waited for the admission when the end comes.
        let admission = place.admit(&record, Some(400));
        let end = place.finish(record).1;
        kept += i64::from(end.durable().await.is_ok());
        refused += i64::from(admission.durable().await.is_err());
    }
    assert!(refused > 0 && kept > 0, "{refused} admissions were refused, {kept} ends were kept");
    disk.free();
    house.wait_for_records(40).await;
    gateway.stop().await;
    assert_eq!(house.books.count("instances where admitted <> finished + interrupted").await, 0);
    assert_eq!(house.books.count("instances where admitted = 40").await, 1);
    let report = audit::audit(&house.books.store, &house.books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

#[tokio::test]
async fn a_damaged_group_is_reported_and_the_others_are_entered() {
    let mut house = House::build().await;
    let mut gateway = house.start().await;
    gateway.task.abort();
    for _ in 0..3 {
        gateway.serve().await;
    }
    let image = gateway.kill().await;
    // A byte of the second request's end, wherever SQLite keeps it.
    let log = image.path().join("spool.sqlite-wal");
    let mut bytes = std::fs::read(&log).unwrap();
    let groups: Vec<usize> =
        memchr_find(&bytes, b"TOLLGRP\0").into_iter().filter(|at| bytes[at + 16] == 4).collect();
    assert!(!groups.is_empty());
    for at in groups {
        bytes[at + 60] ^= 0xFF;
    }
    std::fs::write(&log, bytes).unwrap();
    house.directory = image;
    let gateway = house.start().await;
    // Its admission is known, so it ends as interrupted.
    house.wait_for_records(3).await;
    assert_eq!(sample(&gateway.registry, "tollgate_spool_lost_groups_total"), 1.0);
    assert_eq!(house.books.count("usage_records where state = 'v'").await, 1);
    gateway.stop().await;
    house.assert_sound(3, "999.94").await;
}

#[tokio::test]
async fn a_request_whose_acknowledgement_is_damaged_is_not_settled_a_second_time() {
    let mut house = House::build().await;
    let mut gateway = house.start().await;
    let at = house.books.clock.now().as_microsecond();
    for _ in 0..3 {
        gateway.serve().await;
    }
    house.wait_for_records(3).await;
    gateway.stop().await;
    // An acknowledgement begins with its time. Each is damaged in turn: three are of admissions, three of ends.
    let database = house.directory.path().join("spool.sqlite");
    let bytes = std::fs::read(&database).unwrap();
    let places = memchr_find(&bytes, &at.to_le_bytes());
    assert_eq!(places.len(), 6);
    for at in places {
        let mut damaged = bytes.clone();
        damaged[at] ^= 0xFF;
        let image = tempfile::tempdir().unwrap();
        std::fs::write(image.path().join("spool.sqlite"), damaged).unwrap();
        std::fs::copy(house.directory.path().join("spool.mark"), image.path().join("spool.mark")).unwrap();
        let spool = house.config.open(image.path()).unwrap();
        assert_eq!(spool.report().damaged_acknowledgements, 1);
        spool.close().unwrap();
        drop(spool);
        let before = std::mem::replace(&mut house.directory, image);
        house.start().await.stop().await;
        house.directory = before;
        assert_eq!(house.counts().await, "3 3 0", "none is interrupted");
        assert_eq!(house.books.count("quarantine").await, 0);
        house.assert_sound(3, "999.91").await;
    }
}

fn memchr_find(bytes: &[u8], wanted: &[u8]) -> Vec<usize> {
    (0..bytes.len().saturating_sub(wanted.len())).filter(|&at| bytes[at..].starts_with(wanted)).collect()
}

#[tokio::test]
async fn a_record_that_cannot_be_read_is_set_aside_and_holds_up_nobody() {
    let mut house = House::build().await;
    // A life that writes what no version writes, before and behind what is right.
    let mut first = house.start().await;
    first.task.abort();
    first.serve().await;
    let image = first.kill().await;
    let spool = house.config.open(image.path()).unwrap();
    spool.append(Class::Admitted, FINISHED, vec![1, 2, 3]).unwrap().await.unwrap();
    spool.close().unwrap();
    house.directory = image;
    let mut second = house.start().await;
    second.serve().await;
    house.wait_for_records(2).await;
    assert_eq!(sample(&second.registry, "tollgate_spool_unreadable_records_total"), 1.0);
    second.stop().await;
    let kept = std::fs::read_dir(house.directory.path()).unwrap();
    let kept: Vec<_> = kept
        .filter(|file| file.as_ref().unwrap().path().extension() == Some("unreadable".as_ref()))
        .collect();
    assert_eq!(kept.len(), 1);
    assert_eq!(house.start().await.stop().await.records, 0, "it is not met again");
    house.assert_sound(2, "999.94").await;
}

#[tokio::test]
async fn what_a_later_version_wrote_is_refused_by_name_and_kept() {
    let mut house = House::build().await;
    let first = house.start().await;
    let image = first.kill().await;
    let spool = house.config.open(image.path()).unwrap();
    spool.append(Class::Admitted, FINISHED, vec![200, 2, 3]).unwrap().await.unwrap();
    spool.close().unwrap();
    house.directory = image;
    let second = house.start().await;
    let error = second.task.await.unwrap().unwrap_err();
    let cause = std::error::Error::source(&error).and_then(|cause| cause.source()).map(ToString::to_string);
    assert!(cause.as_deref().is_some_and(|cause| cause.contains("later version")), "{error:?}");
    assert_eq!(second.journal.waiting(), 1);
}

#[tokio::test]
async fn what_the_books_have_is_kept_for_a_while_and_then_forgotten() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(20).await;
    gateway.stop().await;
    let spool = house.config.open(house.directory.path()).unwrap();
    assert!(!spool.read(0, 10, Which::All).unwrap().deliveries.is_empty());
    assert!(spool.read(0, 10, Which::Waiting).unwrap().deliveries.is_empty());
    let later = crate::books::start().as_microsecond() + 1;
    assert!(spool.forget_acknowledged(later, u64::MAX).unwrap() > 0);
    assert!(spool.read(0, 10, Which::All).unwrap().deliveries.is_empty());
}
