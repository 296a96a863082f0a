//! Databases that lose commits, or never had them, and spools that are older than the books: what the log still has is entered, once.

use super::*;

#[tokio::test]
async fn commits_that_a_failover_lost_are_entered_again_by_themselves() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(100).await;
    house.wait_for_records(100).await;
    let standby = house.books.database().copy().await;
    gateway.serve_many(200).await;
    house.wait_for_records(300).await;
    house.books.database().fail_over_to(standby).await;
    // The next flush sees that the books went back.
    gateway.serve().await;
    house.wait_for_records(301).await;
    assert_eq!(sample(&gateway.registry, "tollgate_spool_rewinds_total"), 1.0);
    gateway.serve().await;
    house.wait_for_records(302).await;
    gateway.stop().await;
    assert_eq!(house.counts().await, "302 302 0");
    house.assert_sound(302, "990.94").await;
}

#[tokio::test]
async fn commits_that_were_lost_while_nobody_served_are_entered_at_the_next_start() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(10).await;
    house.wait_for_records(10).await;
    let standby = house.books.database().copy().await;
    gateway.serve_many(300).await;
    gateway.begin(1).await;
    house.wait_for_records(310).await;
    gateway.stop().await;
    house.books.database().fail_over_to(standby).await;
    let gateway = house.start().await;
    house.wait_for_records(311).await;
    gateway.stop().await;
    assert_eq!(house.counts().await, "311 310 1");
    house.assert_sound(311, "990.7").await;
}

#[tokio::test]
async fn commits_that_were_lost_long_ago_are_not_forgotten_before_they_are_entered() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(10).await;
    house.wait_for_records(10).await;
    let standby = house.books.database().copy().await;
    gateway.serve_many(300).await;
    house.wait_for_records(310).await;
    gateway.stop().await;
    house.books.database().fail_over_to(standby).await;
    house.books.clock.set(crate::books::start() + SignedDuration::from_hours(24));
    let gateway = house.start().await;
    house.wait_for_records(310).await;
    assert_eq!(sample(&gateway.registry, "tollgate_spool_lost_groups_total"), 0.0);
    gateway.stop().await;
    house.assert_sound(310, "990.7").await;
}

#[tokio::test]
async fn commits_that_were_lost_and_are_forgotten_are_told() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve().await;
    house.wait_for_records(1).await;
    let standby = house.books.database().copy().await;
    for _ in 0..5 {
        gateway.serve().await;
    }
    house.wait_for_records(6).await;
    gateway.stop().await;
    let spool = house.config.open(house.directory.path()).unwrap();
    assert!(spool.forget_acknowledged(i64::MAX, u64::MAX).unwrap() >= 6);
    spool.close().unwrap();
    house.books.database().fail_over_to(standby).await;
    let mut gateway = house.start().await;
    gateway.serve().await;
    house.wait_for_records(2).await;
    assert!(sample(&gateway.registry, "tollgate_spool_lost_groups_total") >= 4.0);
    gateway.stop().await;
    house.assert_balance_is_the_ledger().await;
}

#[tokio::test]
async fn a_commit_that_overtook_another_and_was_lost_is_entered_again() {
    let mut house = House::build().await;
    (house.analytics.flushers, house.analytics.batch_size) = (2, 1);
    house.books.user("bob", "1000").await;
    let bob = Credential::Key(house.books.key("bob", ApiKeyPurpose::Realtime).await);
    let mut gateway = house.start().await;
    gateway.serve().await;
    house.wait_for_records(1).await;
    let standby = house.books.database().copy().await;
    house.refuse_charges_of("bob").await;
    let ada = std::mem::replace(&mut gateway.credential, bob);
    gateway.serve().await;
    gateway.credential = ada;
    gateway.serve().await;
    house.wait_for_records(2).await;
    house.books.database().fail_over_to(standby).await;
    house.wait_for_records(3).await;
    gateway.stop().await;
    assert_eq!(house.books.balance("bob").await.to_string(), "999.97");
    house.assert_sound(3, "999.94").await;
}

#[tokio::test]
async fn a_failover_before_the_first_flush_of_a_life_is_noticed() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(10).await;
    house.wait_for_records(10).await;
    let standby = house.books.database().copy().await;
    gateway.serve_many(20).await;
    house.wait_for_records(30).await;
    gateway.stop().await;
    house.refuse_charges_of("ada").await;
    let mut gateway = house.start().await;
    gateway.serve().await;
    let retries = "tollgate_analytics_batch_retries_total{outcome=\"retry\"}";
    while sample(&gateway.registry, retries) < 1.0 {
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    house.books.database().fail_over_to(standby).await;
    house.wait_for_records(31).await;
    gateway.stop().await;
    house.assert_sound(31, "999.07").await;
}

#[tokio::test]
async fn a_replay_enters_what_a_database_lacks_and_charges_nothing_twice() {
    let house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(40).await;
    house.wait_for_records(40).await;
    gateway.stop().await;
    // A database that lost rows without anybody noticing.
    house
        .books
        .execute(
            "alter table usage_records disable trigger user; alter table user_balances disable trigger user",
        )
        .await;
    house
        .books
        .execute(
            "delete from usage_records where correlation_id % 2 = 0;
             delete from usage_rollups;
             insert into usage_rollups (hour, user_no, key_no, model_no, requests, prompt_tokens, completion_tokens, amount_pico)
             select date_trunc('hour', requested_at), user_no, key_no, model_no, count(*), sum(prompt_tokens), sum(completion_tokens), sum(amount_pico)
               from usage_records group by 1, 2, 3, 4;
             update user_balances set balance = 1000 - (select sum(amount_pico) * 0.000000000001 from usage_records)
              where user_no = (select no from users where name = 'ada')",
        )
        .await;
    house
        .books
        .execute(
            "alter table usage_records enable trigger user; alter table user_balances enable trigger user",
        )
        .await;
    assert_eq!(house.books.count("usage_records").await, 20);
    // Sums and rows agree with each other; the log's own count does not.
    let report = audit::audit(&house.books.store, &house.books.keys()).await.unwrap();
    let rules: Vec<_> = report.findings.iter().map(|finding| finding.rule).collect();
    assert_eq!(rules, [audit::Rule::InstanceIsComplete], "{report:#?}");
    assert!(report.findings[0].what.contains("20 are missing"), "{report:#?}");
    let spool = Arc::new(house.config.open(house.directory.path()).unwrap());
    let running = house.books.run();
    let replayed = journal::replay(&spool, jiff::Timestamp::MIN, &running.sender).await.unwrap();
    assert_eq!((replayed.records, replayed.damaged_groups, replayed.unreadable), (40, 0, 0));
    let drained = running.stop().await.unwrap();
    assert_eq!((drained.records, drained.inserted), (40, 20));
    house.assert_sound(40, "998.8").await;
}

#[tokio::test]
async fn a_database_that_never_knew_the_spool_gets_what_waits_and_no_more() {
    let mut house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(30).await;
    house.wait_for_records(30).await;
    gateway.stop().await;
    let elsewhere = House::build().await;
    house.books = elsewhere.books;
    house.credential = elsewhere.credential;
    let mut gateway = house.start().await;
    gateway.serve().await;
    house.wait_for_records(1).await;
    gateway.stop().await;
    assert_eq!(house.counts().await, "1 1 0");
    house.assert_sound(1, "999.97").await;
}

#[tokio::test]
async fn a_spool_that_has_lost_its_end_delivers_all_that_comes_after() {
    let mut house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(3).await;
    house.wait_for_records(3).await;
    let older = tempfile::tempdir().unwrap();
    for name in ["spool.sqlite", "spool.sqlite-wal", "spool.mark"] {
        std::fs::copy(house.directory.path().join(name), older.path().join(name)).unwrap();
    }
    for _ in 0..20 {
        gateway.serve().await;
    }
    house.wait_for_records(23).await;
    gateway.stop().await;
    house.directory = older;
    let mut gateway = house.start().await;
    for _ in 0..5 {
        gateway.serve().await;
    }
    house.wait_for_records(28).await;
    gateway.stop().await;
    house.assert_sound(28, "999.16").await;
}

#[tokio::test]
async fn an_older_copy_of_a_spool_that_was_closed_gives_no_number_twice() {
    let mut house = House::build().await;
    let mut gateway = house.start().await;
    gateway.serve_many(3).await;
    gateway.stop().await;
    let older = tempfile::tempdir().unwrap();
    for name in ["spool.sqlite", "spool.mark"] {
        std::fs::copy(house.directory.path().join(name), older.path().join(name)).unwrap();
    }
    let mut gateway = house.start().await;
    for _ in 0..20 {
        gateway.serve().await;
    }
    gateway.stop().await;
    house.directory = older;
    let mut gateway = house.start().await;
    gateway.serve_many(30).await;
    gateway.stop().await;
    assert_eq!(house.books.count("quarantine").await, 0);
    house.assert_sound(53, "998.41").await;
}
