//! A COMMIT whose answer never comes: it happened, and nobody knows. What is written again must find itself.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_util::sync::CancellationToken;
use tollgate_domain::{ApiKeyPurpose, Credential};
use tollgate_metering::{AnalyticsConfig, audit};

use crate::books::{Books, Recorder, price};

/// The simple query `commit`, as it goes over the wire.
const COMMIT: &[u8] = b"Q\0\0\0\x0bcommit\0";

/// A line to a database on which every so many-th COMMIT or so arrives and its answer does not.
struct LossyLine {
    url: String,
    /// COMMITs that came since answers are lost; until then negative.
    seen: Arc<AtomicI64>,
    lost: Arc<AtomicU64>,
}

impl LossyLine {
    async fn start(database_url: &str, every: i64) -> Self {
        let config: tokio_postgres::Config = database_url.parse().unwrap();
        let [tokio_postgres::config::Host::Unix(directory)] = config.get_hosts() else {
            panic!("{database_url} does not lead to a socket");
        };
        let socket = directory.join(format!(".s.PGSQL.{}", config.get_ports().first().unwrap_or(&5432)));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let url =
            format!("postgresql://{}@{address}/{}", config.get_user().unwrap(), config.get_dbname().unwrap());
        let (seen, lost) = (Arc::new(AtomicI64::new(i64::MIN)), Arc::new(AtomicU64::new(0)));
        let (commits, counter) = (Arc::clone(&seen), Arc::clone(&lost));
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (socket, seen, lost) = (socket.clone(), Arc::clone(&commits), Arc::clone(&counter));
                tokio::spawn(async move { drop(carry(client, socket, every, &seen, &lost).await) });
            }
        });
        Self { url, seen, lost }
    }
}

async fn carry(
    mut client: TcpStream,
    socket: PathBuf,
    every: i64,
    seen: &AtomicI64,
    lost: &AtomicU64,
) -> std::io::Result<()> {
    let mut server = UnixStream::connect(socket).await?;
    let (mut sent, mut answered) = (vec![0; 1 << 16], vec![0; 1 << 16]);
    loop {
        tokio::select! {
            read = client.read(&mut sent) => {
                let chunk = &sent[..read?];
                if chunk.is_empty() {
                    return Ok(());
                }
                server.write_all(chunk).await?;
                if chunk.ends_with(COMMIT) && is_unlucky(seen.fetch_add(1, Ordering::SeqCst), every) {
                    // The answer has come, so it is committed; the client never hears of it.
                    if server.read(&mut answered).await? > 0 {
                        lost.fetch_add(1, Ordering::SeqCst);
                    }
                    return Ok(());
                }
            }
            read = server.read(&mut answered) => {
                let chunk = &answered[..read?];
                if chunk.is_empty() {
                    return Ok(());
                }
                client.write_all(chunk).await?;
            }
        }
    }
}

/// One in `every`, in no pattern that flushers who take turns could fall into.
fn is_unlucky(number: i64, every: i64) -> bool {
    number >= 0 && (number.wrapping_mul(0x1e37_79b9_7f4a_7c15) >> 33).rem_euclid(every) == 0
}

/// In every snapshot: everything up to the committed position is there, and the balance is what is there.
async fn watch(books: &Books, until: CancellationToken) -> u32 {
    let sql = "select coalesce(max(committed_position), 0),
                      (select count(*) from usage_records where correlation_id <= max(committed_position))
                        + (select count(*) from quarantine where correlation_id <= max(committed_position)),
                      (select sum(balance) from user_balances)
                        = 100000 - (select coalesce(sum(amount_pico), 0) from usage_records) * 0.000000000001
               from instances";
    let mut snapshots = 0;
    while !until.is_cancelled() {
        let (reached, there, agrees): (i64, i64, bool) = books
            .store
            .tx_repeatable_read("watch", async |tx| {
                let row = tx.query_one(sql, &[]).await?;
                Ok((row.try_get(0)?, row.try_get(1)?, row.try_get(2)?))
            })
            .await
            .unwrap();
        assert_eq!(there, reached, "everything up to the committed position is settled");
        assert!(agrees, "the balance is what the records say");
        snapshots += 1;
        tokio::task::yield_now().await;
    }
    snapshots
}

async fn play(config: AnalyticsConfig, every: i64, records: i64) {
    let books = Arc::new(Books::open().await);
    let line = LossyLine::start(books.database_url().unwrap(), every).await;
    books.model("m").await;
    books.tariff("m", price("0.001", "0.002")).await;
    books.user("ada", "100000").await;
    let credential = Credential::Key(books.key("ada", ApiKeyPurpose::Realtime).await);
    // Something that only PostgreSQL refuses, so that batches are halved.
    books
        .execute("alter table usage_records add constraint usage_records_teapot check (status_code <> 418)")
        .await;
    let over_the_line = Books::at(line.url.clone(), None);
    let running = over_the_line.run_with(config);
    let done = CancellationToken::new();
    let watching = tokio::spawn({
        let (books, done) = (Arc::clone(&books), done.clone());
        async move { watch(&books, done).await }
    });
    let mut recorder = Recorder::new();
    let mut set_aside = 0;
    for number in 1..=records {
        let mut record = recorder.record(credential, "m", 10, 10);
        if number % 397 == 0 {
            record.status_code = 418;
            set_aside += 1;
        } else if number % 211 == 0 {
            record.user_agent = Some("\0".to_owned());
            set_aside += 1;
        }
        record.batch.custom_id = (number % 3 == 0).then(|| format!("job {number}"));
        running.send(record).await;
        if number == 1 {
            // Partitions and numbers are made in several transactions; what is lost is answers of flushes.
            books.wait_for_count("usage_records", 1).await;
            line.seen.store(0, Ordering::SeqCst);
        }
    }
    books.wait_for_count("usage_records", records - set_aside).await;
    books.wait_for_count("quarantine", set_aside).await;
    let registry = running.registry();
    let instance = running.sender.instance_id();
    running.stop().await.unwrap();
    done.cancel();
    assert!(watching.await.unwrap() > 0);
    assert!(line.lost.load(Ordering::SeqCst) > 3, "answers were lost");
    let sample = |name| crate::books::sample(&registry, name);
    assert!(sample("tollgate_credits_duplicates_total") > 0.0, "what was written again found itself");
    assert_eq!(sample("tollgate_analytics_conflicts_total"), 0.0);
    let reached = format!("select committed_position::text from instances where id = '{instance}'");
    assert_eq!(books.text(&reached).await, records.to_string(), "nothing is left pending");
    let spent = 3 * (records - set_aside);
    assert_eq!(books.balance("ada").await.pico(), (100_000 * 100 - i128::from(spent)) * 10_000_000_000);
    let report = audit::audit(&books.store, &books.keys()).await.unwrap();
    assert!(report.ok(), "{report:#?}");
}

fn config(batch_size: usize, flushers: usize) -> AnalyticsConfig {
    AnalyticsConfig {
        batch_size,
        flushers,
        flush_interval_ms: 0,
        retry_base_delay_ms: 1,
        ..AnalyticsConfig::default()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn small_flushes_whose_commit_was_not_answered_are_charged_once() {
    play(config(20, 3), 3, 1500).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn large_flushes_whose_commit_was_not_answered_are_charged_once() {
    play(config(300, 2), 2, 3000).await;
}
