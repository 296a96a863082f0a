//! Everything that moves money at once, on one database whose connections break all the time.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;
use tollgate_domain::{ApiKeyPurpose, Credential, RawAnalyticsRecord};
use tollgate_metering::audit::{IncrementalAudit, Pass};
use tollgate_metering::{AnalyticsConfig, audit, quarantine, unrated};
use tollgate_store::movements::{self, MovementKind, NewMovement};
use tollgate_store::tariffs::{self, WantedTariff};
use tollgate_store::{ErrorClass, StoreError};

use crate::books::{Books, Recorder, Running, price};

const USERS: [&str; 3] = ["ada", "bob", "eve"];
const RECORDS: i64 = 1200;
const MOVEMENTS: i128 = 150;

/// Tries until it is done or refused, as whoever loses a connection must.
async fn insist<T>(work: impl AsyncFn() -> Result<T, StoreError>) -> Result<T, StoreError> {
    loop {
        match work().await {
            Err(error) if error.class() == ErrorClass::Retry => {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            done => return done,
        }
    }
}

/// Runs `work` again and again until told to stop.
async fn again(stop: &CancellationToken, work: impl AsyncFn()) {
    while !stop.is_cancelled() {
        work().await;
    }
}

async fn change_prices(books: &Books) {
    for round in 0..40_u32 {
        let now = crate::books::start() + jiff::SignedDuration::from_secs(round.into());
        books.clock.set(now);
        let wanted = WantedTariff { valid_from: None, ..price(&format!("0.00{:02}", round + 1), "0.001") };
        // A backdated one, for the model whose records wait.
        let backdated = price(&format!("0.0{:02}", round + 1), "0");
        for (model, wanted) in [("m", &wanted), ("late", &backdated)] {
            if model == "m" || round % 8 == 7 {
                insist(async || {
                    books
                        .store
                        .tx("tariff", async |tx| {
                            tariffs::set(&tx, model, wanted, books.clock.as_ref(), "storm").await
                        })
                        .await
                })
                .await
                .unwrap();
            }
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn move_credits(books: &Books) {
    for number in 0..MOVEMENTS {
        let is_removal = number % 3 == 0;
        let new = NewMovement {
            user: USERS[usize::try_from(number % 2).unwrap()].to_owned(),
            kind: if is_removal { MovementKind::AdminRemoval } else { MovementKind::Purchase },
            amount: "1.000000000001".parse().unwrap(),
            source_id: format!("movement {number}"),
            description: String::new(),
        };
        insist(async || {
            books.store.tx("movement", async |tx| movements::apply(&tx, &new, "storm").await).await
        })
        .await
        .unwrap();
    }
}

/// The record is in quarantine; everybody replays it while the batchers get it again.
async fn replay_all(books: &Books) {
    let waiting = insist(async || quarantine::list(&books.store, false, 1000).await).await.unwrap();
    for entry in waiting {
        // Another may have been quicker.
        drop(insist(async || quarantine::replay(&books.store, &books.keys(), entry.id, "storm").await).await);
    }
    tokio::time::sleep(Duration::from_millis(1)).await;
}

fn records(recorder: &mut Recorder, credentials: &[Credential]) -> Vec<RawAnalyticsRecord> {
    (0..RECORDS)
        .map(|number| {
            let credential = credentials[usize::try_from(number).unwrap() % credentials.len()];
            let model = if number % 5 == 0 { "late" } else { "m" };
            let mut record = recorder.record(credential, model, number + 1, 10);
            record.timestamp = crate::books::start() + jiff::SignedDuration::from_millis(number * 40);
            if number % 50 == 0 {
                record.status_code = 418;
            }
            record
        })
        .collect()
}

/// Whatever goes on, what is new is right. A connection that broke is no verdict.
async fn audit_what_is_new(audit: &Mutex<IncrementalAudit>) {
    let passed = audit.lock().await.pass().await;
    if let Ok(Pass::Checked(checked)) = passed {
        assert_eq!(checked.findings_in_all, 0, "{checked:#?}");
    }
    tokio::time::sleep(Duration::from_millis(50)).await;
}

/// Ends a session that is in the middle of something, whatever it is.
async fn break_connection(books: &Books) {
    let sql = "select pg_terminate_backend(pid) from pg_stat_activity
               where datname = current_database() and pid <> pg_backend_pid()
                 and (state <> 'idle' or random() < 0.2) order by random() limit 1";
    drop(books.store.tx("break", async |tx| Ok(tx.query(sql, &[]).await?.len())).await);
    tokio::time::sleep(Duration::from_millis(15)).await;
}

async fn send_all(to: &Running, records: impl Iterator<Item = &RawAnalyticsRecord>) {
    for (number, record) in records.enumerate() {
        to.send(record.clone()).await;
        if number % 10 == 0 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Lets in what PostgreSQL refused so far.
async fn mend(books: &Books) {
    tokio::time::sleep(Duration::from_millis(400)).await;
    let sql = "alter table usage_records drop constraint usage_records_teapot";
    insist(async || books.store.tx("mend", async |tx| Ok(tx.batch_execute(sql).await?)).await).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_races_with_whatever_the_books_are_right() {
    let books = Books::open().await;
    books.model("m").await;
    books.model("late").await;
    books.tariff("m", price("0.0001", "0.001")).await;
    let mut credentials = Vec::new();
    for user in USERS {
        books.user(user, "10").await;
        credentials.push(Credential::Key(books.key(user, ApiKeyPurpose::Realtime).await));
    }
    books
        .execute("alter table usage_records add constraint usage_records_teapot check (status_code <> 418)")
        .await;
    let config = AnalyticsConfig {
        batch_size: 100,
        flushers: 2,
        flush_interval_ms: 0,
        retry_base_delay_ms: 1,
        ..AnalyticsConfig::default()
    };
    let (one, two) = (books.run_with(config.clone()), books.run_with(config));
    let records = records(&mut Recorder::new(), &credentials);
    let stop = CancellationToken::new();
    let keys = books.keys();
    let rate = async || {
        insist(async || unrated::rate_unrated(&books.store, &keys).await).await.unwrap();
    };
    let play = async {
        tokio::join!(
            send_all(&one, records.iter()),
            send_all(&two, records.iter().rev()),
            change_prices(&books),
            move_credits(&books),
            mend(&books),
        );
        books.wait_for_count("usage_records", RECORDS).await;
        stop.cancel();
    };
    let passes = Mutex::new(IncrementalAudit::new(books.store.clone(), books.keys()));
    tokio::join!(
        play,
        again(&stop, async || audit_what_is_new(&passes).await),
        again(&stop, async || break_connection(&books).await),
        again(&stop, rate),
        again(&stop, async || replay_all(&books).await),
        again(&stop, async || replay_all(&books).await),
    );
    one.stop().await.unwrap();
    two.stop().await.unwrap();
    replay_all(&books).await;
    rate().await;
    audit_what_is_new(&passes).await;
    let report = audit::audit(&books.store, &keys).await.unwrap();
    assert!(report.ok(), "{report:#?}");
    assert_eq!(books.count("quarantine").await, 0);
    assert_eq!((report.records, report.charged), (1200, 1200), "{report:?}");
    // A third of the 150 movements goes the other way.
    let moved = books.text("select sum(movement_sign(type) * amount)::text from credit_movements").await;
    assert_eq!(moved, "80.000000000050");
}
