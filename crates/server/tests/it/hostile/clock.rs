//! A clock that goes backwards, stands still, and is a year off or worse. Records and prices follow the clock; identities, durations and
//! the neighbours do not.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tollgate_domain::{Clock, ManualClock};
use tollgate_server::SystemClock;
use tollgate_testkit::upstream::BookEntry;

use super::{
    CHARGED, USUAL, case,
    house::House,
    request::{STREAM, chat, hi},
};
use crate::harness::{eventually, sql};

/// For the sum of all cases.
pub(crate) const CASES: (&str, &[&str]) = (
    "clock",
    &[
        "a server that starts in 1970",
        "an hour back",
        "the same instant twice",
        "a day back, before there were prices",
        "a year back",
        "1970",
        "before 1970",
        "a year ahead",
        "a thousand years ahead",
        "the last second there is",
        "before the first day of PostgreSQL",
        "back by a day while a stream passes",
        "ahead by a year while a stream passes",
        "a price for all of these times, later",
    ],
);

const UNRATED: &str = "200 completed unrated provider 100+10";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_of_any_time_are_kept_priced_by_that_time_and_never_mixed_up() {
    let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
    let mut house = House::open_at(|_| {}, Arc::clone(&clock) as Arc<dyn Clock>).await;
    // Prices are made by the command line, which goes by the system's clock.
    let right = SystemClock.now() + SignedDuration::from_hours(3);
    clock.set(right);
    house.neighbours(2).await;

    let year = SignedDuration::from_hours(365 * 24);
    let at = |text: &str| text.parse::<Timestamp>().unwrap();
    let times = [
        ("an hour back", right - SignedDuration::from_hours(1), CHARGED),
        ("the same instant twice", right - SignedDuration::from_hours(1), CHARGED),
        ("a day back, before there were prices", right - SignedDuration::from_hours(24), UNRATED),
        ("a year back", right - year, UNRATED),
        ("1970", Timestamp::UNIX_EPOCH, UNRATED),
        ("before 1970", at("1969-12-31T23:59:59.999999Z"), UNRATED),
        ("a year ahead", right + year, CHARGED),
        ("a thousand years ahead", right + SignedDuration::from_hours(1000 * 365 * 24), CHARGED),
        ("the last second there is", at("9999-12-30T22:00:00Z"), CHARGED),
    ];
    let database = sql(house.place.database_url()).await;
    for (name, time, row) in times {
        clock.set(time);
        house.ask(case(name, hi().sent()).answers("200").books(&[row])).await;
        clock.set(right);
        house.neighbours(2).await;
        let newest = "select \"timestamp\" from http_analytics where model = 'hostile' order by correlation_id desc limit 1";
        let recorded: Timestamp = database.query_one(newest, &[]).await.unwrap().get(0);
        assert_eq!(recorded.as_microsecond(), time.as_microsecond(), "{name}");
    }

    let name = "before the first day of PostgreSQL";
    clock.set(Timestamp::MIN);
    house
        .ask(case(name, hi().sent()).answers("200").books(&["quarantined: the time * is out of range*"]))
        .await;
    clock.set(right);
    house.neighbours(2).await;

    for (name, time) in [
        ("back by a day while a stream passes", right - SignedDuration::from_hours(24)),
        ("ahead by a year while a stream passes", right + year),
    ] {
        clock.set(right);
        let turn = {
            let clock = Arc::clone(&clock);
            move || clock.set(time)
        };
        house.upstream.usually(format!("{USUAL} frame_delay_ms=20").parse().unwrap());
        let request = house.fill(&chat(STREAM).bytes());
        let mut connection = tokio::net::TcpStream::connect(house.address()).await.unwrap();
        tokio::io::AsyncWriteExt::write_all(&mut connection, &request).await.unwrap();
        let passes = |entry: &BookEntry| entry.stream && !entry.ended && entry.bytes_sent > 0;
        house.upstream.wait_for(|books| books.iter().any(passes)).await;
        turn();
        let mut heard = Vec::new();
        tokio::io::AsyncReadExt::read_to_end(&mut connection, &mut heard).await.unwrap();
        assert!(heard.ends_with(b"data: [DONE]\n\n\r\n0\r\n\r\n"), "{name}");
        let rows = house.rows(1).await;
        assert_eq!(rows.len(), 1);
        assert_eq!(rows[0].text, CHARGED, "{name}: it is priced by when it began");
        let newest = "select duration_ms between 0 and 60000 from http_analytics
                      where model = 'hostile' order by correlation_id desc limit 1";
        assert!(database.query_one(newest, &[]).await.unwrap().get::<_, bool>(0), "{name}: a duration");
    }
    clock.set(right);

    let waiting = "select count(*) from http_analytics where state = 'unrated'";
    assert_eq!(database.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0), 4);
    let price =
        "tariff set hostile --input-price 0.00001 --output-price 0.00003 --valid-from 1970-01-01T00:00:00Z";
    house.place.cli(price).await;
    // By the command, or by the server if that is first.
    eventually("all are charged but the one before the first time that a price can have", async || {
        database.query_one(waiting, &[]).await.unwrap().get::<_, i64>(0) == 1
    })
    .await;
    house.neighbours(2).await;
    house.close().await;
}
