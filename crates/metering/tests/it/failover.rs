//! The primary is lost and a standby takes its place.

use std::time::Instant;

use tollgate_domain::RawAnalyticsRecord;
use tollgate_metering::AnalyticsConfig;
use tollgate_store::StoreConfig;
use tollgate_testkit::{CapturedLog, FailoverPair, FaultProxy, Replication};

use crate::books::{Books, Recorder, Running};
use crate::outages::{ENDS, Site, assert_exact, assert_logged, furnish, wait_for_failures};

async fn through(proxy: &FaultProxy, pair: &FailoverPair) -> Site {
    Site::open(pair.primary_url(), &StoreConfig::new(proxy.url()), AnalyticsConfig::default()).await
}

#[tokio::test]
async fn a_failover_under_synchronous_replication_loses_nothing() {
    let log = CapturedLog::start();
    let mut pair = FailoverPair::start(Replication::Synchronous).await;
    let proxy = FaultProxy::start(&pair.primary_url()).await;
    let mut site = through(&proxy, &pair).await;
    let registry = site.running.registry();
    let standby = Books::at(pair.standby_url(), None);
    let back_at = site
        .under_load(async {
            standby.wait_for_more_than("usage_records", 100).await;
            pair.fail_over().await;
            proxy.lead_to(&pair.standby_url());
            Instant::now()
        })
        .await;
    wait_for_failures(&registry, 0).await;
    site.books = standby;
    site.drained("failover, synchronous", back_at).await;
    assert_logged(&log, &ENDS);
    site.close().await;
}

#[tokio::test]
async fn of_several_hosts_in_the_url_the_one_that_takes_writes_is_found_before_and_after_a_failover() {
    let mut pair = FailoverPair::start(Replication::Synchronous).await;
    let (one, two) =
        (FaultProxy::start(&pair.standby_url()).await, FaultProxy::start(&pair.primary_url()).await);
    let line = format!("postgresql://tollgate@{},{}/tollgate", one.address(), two.address());
    let mut site = Site::open(pair.primary_url(), &StoreConfig::new(line), AnalyticsConfig::default()).await;
    let standby = Books::at(pair.standby_url(), None);
    let back_at = site
        .under_load(async {
            standby.wait_for_more_than("usage_records", 100).await;
            pair.fail_over().await;
            Instant::now()
        })
        .await;
    site.books = standby;
    site.drained("failover, several hosts in the URL", back_at).await;
    site.close().await;
}

#[tokio::test]
async fn a_primary_that_froze_is_left_for_the_standby_that_was_promoted() {
    let mut pair = FailoverPair::start(Replication::Synchronous).await;
    let proxy = FaultProxy::start(&pair.primary_url()).await;
    let mut site = through(&proxy, &pair).await;
    let held = site.send_and_hold(3000, &pair.primary_url()).await;
    let frozen = pair.primary().freeze();
    pair.promote().await;
    proxy.lead_to(&pair.standby_url());
    let back_at = Instant::now();
    site.books = Books::at(pair.standby_url(), None);
    site.drained("frozen primary, promoted standby", back_at).await;
    frozen.thaw();
    drop(held);
    site.close().await;
}

#[tokio::test]
async fn a_line_that_led_to_a_standby_for_a_while_holds_up_records_and_loses_none() {
    let log = CapturedLog::start();
    let pair = FailoverPair::start(Replication::Asynchronous).await;
    let proxy = FaultProxy::start(&pair.primary_url()).await;
    let mut line = StoreConfig::new(proxy.url());
    "batcher".clone_into(&mut line.application_name);
    let mut site = Site::open(pair.primary_url(), &line, AnalyticsConfig::default()).await;
    let registry = site.running.registry();
    pair.wait_until_caught_up().await;
    let standby = Books::at(pair.standby_url(), None);
    proxy.lead_to(&pair.standby_url());
    site.books.text("select count(pg_terminate_backend(pid))::text from pg_stat_activity where application_name = 'batcher'").await;
    standby.wait_for_more_than("pg_stat_activity where application_name = 'batcher'", 0).await;
    let back_at = site
        .under_load(async {
            wait_for_failures(&registry, 3).await;
            // Connections to the standby stay open: they work, and are of no use.
            proxy.lead_to(&pair.primary_url());
            Instant::now()
        })
        .await;
    site.drained("led to a standby", back_at).await;
    assert_logged(&log, &["the database takes no writes: it is a standby"]);
    site.close().await;
}

#[tokio::test]
async fn commits_that_wait_for_a_standby_that_is_away_are_charged_once() {
    let pair = FailoverPair::start(Replication::Synchronous).await;
    let mut line = StoreConfig::new(pair.primary_url());
    line.transaction_timeout = std::time::Duration::from_secs(2);
    let mut site = Site::open(pair.primary_url(), &line, AnalyticsConfig::default()).await;
    let registry = site.running.registry();
    pair.hold_back().await;
    site.send(500).await;
    // A commit that is done and not confirmed, and a try that waits behind it.
    wait_for_failures(&registry, 2).await;
    pair.let_through().await;
    site.drained("synchronous standby away", Instant::now()).await;
    site.close().await;
}

async fn send_all(running: &Running, records: &[RawAnalyticsRecord]) {
    for record in records {
        running.send(record.clone()).await;
    }
}

/// After a failover that lost commits, the new primary hands out the numbers again that were lost with them. What a batcher
/// remembers of its predecessor must not be used on it.
#[tokio::test]
async fn after_a_failover_that_lost_commits_numbers_start_again_and_a_replay_charges_once() {
    let mut pair = FailoverPair::start(Replication::Asynchronous).await;
    let proxy = FaultProxy::start(&pair.primary_url()).await;
    let before = Books::at(pair.primary_url(), None);
    before.store.migrate().await.unwrap();
    let credential = furnish(&before).await;
    let over_the_line = Books::at(proxy.url(), None);
    let (one, two) = (over_the_line.run(), over_the_line.run());
    let records = |recorder: &mut Recorder, agent: &str| -> Vec<RawAnalyticsRecord> {
        let new = |_| RawAnalyticsRecord {
            user_agent: Some(agent.to_owned()),
            ..recorder.record(credential, "m", 10, 10)
        };
        (0..100).map(new).collect()
    };
    let (mut of_one, mut of_two, mut of_three) = (Recorder::new(), Recorder::new(), Recorder::new());
    let kept = records(&mut of_one, "kept");
    send_all(&one, &kept).await;
    before.wait_for_count("usage_records", 100).await;
    pair.wait_until_caught_up().await;
    pair.hold_back().await;
    let lost = records(&mut of_two, "lost");
    send_all(&two, &lost).await;
    before.wait_for_count("usage_records", 200).await;
    pair.fail_over().await;
    proxy.lead_to(&pair.standby_url());

    let after = Books::at(pair.standby_url(), None);
    assert_exact(&after, 100).await;
    // A third gateway comes first, and gets the number that the second had, and its combination the one of theirs.
    let three = over_the_line.run();
    let later = [records(&mut of_three, "new"), records(&mut of_two, "lost"), records(&mut of_one, "lost")];
    for (at, (running, records)) in [&three, &two, &one].into_iter().zip(&later).enumerate() {
        send_all(running, records).await;
        after.wait_for_count("usage_records", 200 + 100 * i64::try_from(at).unwrap()).await;
    }
    assert_exact(&after, 400).await;
    // What was lost, and more than that, as from a spool.
    send_all(&two, &lost).await;
    send_all(&one, &kept).await;
    for running in [one, two, three] {
        running.stop().await.unwrap();
    }
    assert_exact(&after, 500).await;
    for (recorder, expected) in [(of_one, "100 kept, 100 lost"), (of_two, "200 lost"), (of_three, "100 new")]
    {
        let sql = format!(
            "select string_agg(part, ', ' order by part) from
               (select count(*) || ' ' || user_agent as part from http_analytics
                where instance_id = '{}' group by user_agent) parts",
            recorder.instance_id
        );
        assert_eq!(after.text(&sql).await, expected);
    }
}
