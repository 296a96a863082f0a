use super::*;

fn day(number: i32) -> UtcDay {
    UtcDay::from_wire(number)
}

fn key(day_number: i32, instance_no: i32, correlation_id: i64) -> RecordKey {
    RecordKey { day: day(day_number), instance_no, correlation_id: CorrelationId::new(correlation_id) }
}

fn range(day_number: i32, instance_no: i32, first: i64, last: i64) -> KeyRange {
    let (first, last) = (CorrelationId::new(first), CorrelationId::new(last));
    KeyRange { day: day(day_number), instance_no, first, last }
}

fn commit(ranges: Vec<KeyRange>) -> Commit {
    Commit { xid: 1, is_rating: false, records: 1, amount_pico: 0, ranges }
}

fn mark(xmin: u64, xmax: u64, running: &[u64]) -> Mark {
    let snapshot = String::new();
    Mark { snapshot, xmin, xmax, running: running.to_vec(), slots_taken: 7, server: "started".to_owned() }
}

#[test]
fn keys_that_nearly_touch_are_one_run_and_others_are_not() {
    let near = 3 + MAX_GAP;
    let keys = [
        key(1, 1, 1),
        key(1, 1, 3),
        key(1, 1, near),
        key(1, 1, near + MAX_GAP + 1),
        key(1, 2, near + MAX_GAP + 2),
        key(2, 2, near + MAX_GAP + 3),
        key(2, 2, i64::MAX),
    ];
    let (found, count) = runs(keys);
    let far = near + MAX_GAP;
    assert_eq!(
        found,
        [
            range(1, 1, 1, near),
            range(1, 1, far + 1, far + 1),
            range(1, 2, far + 2, far + 2),
            range(2, 2, far + 3, far + 3),
            range(2, 2, i64::MAX, i64::MAX),
        ]
    );
    assert_eq!(count, 7);
}

#[test]
fn ranges_of_several_commits_are_read_once_each() {
    let commits = [
        commit(vec![range(1, 1, 50, 90), range(1, 2, 1, 5)]),
        commit(vec![range(1, 1, 1, 60), range(1, 1, 55, 56)]),
        commit(vec![range(1, 1, 500, 600)]),
    ];
    assert_eq!(joined(&commits), [range(1, 1, 1, 90), range(1, 1, 500, 600), range(1, 2, 1, 5)]);
}

#[test]
fn half_an_id_tells_what_was_committed_between_two_marks() {
    const TURN: u64 = 7 << 32;
    // Around the turn of the lower half: 10 were used up after it.
    let earlier = mark(TURN - 6, TURN - 3, &[TURN - 6, TURN - 4]);
    let now = mark(TURN + 10, TURN + 10, &[]);
    let half = |xid: u64| u32::try_from(xid % HALF).unwrap();
    let is_news = |xid| now.is_news_since(&earlier, half(xid));
    for xid in [TURN - 6, TURN - 4, TURN - 3, TURN - 1, TURN, TURN + 9] {
        assert!(is_news(xid), "{xid} was running, or had not begun");
    }
    for xid in [TURN - 7, TURN - 5, TURN - 1000, TURN - HALF + 10] {
        assert!(!is_news(xid), "{xid} had ended");
    }
}

#[test]
fn a_mark_reaches_as_far_back_as_the_ring_and_to_no_other_server() {
    let earlier = mark(1000, 1010, &[]);
    let after = |slots_taken| Mark { slots_taken, ..mark(9_000_000, 9_000_000, &[]) };
    assert!(after(7 + REACH).reaches(&earlier), "others on the server may use up as many ids as they like");
    assert!(!after(8 + REACH).reaches(&earlier));
    assert!(!mark(HALF, HALF, &[]).reaches(&earlier), "but half an id must tell");
    assert!(mark(1020, 1020, &[]).is_of_the_same_server(&earlier));
    assert!(!mark(900, 900, &[]).is_of_the_same_server(&earlier), "ids that went back");
    let other = Mark { server: "started again".to_owned(), ..mark(1020, 1020, &[]) };
    assert!(!other.is_of_the_same_server(&earlier));
}

#[tokio::test]
async fn the_database_is_told_by_half_an_id_what_a_snapshot_shows() {
    const TURN: u64 = 7 << 32;
    let database = tollgate_testkit::TestDatabase::create().await;
    let store = crate::Store::connect(&crate::StoreConfig::new(database.url())).unwrap();
    // A snapshot of which two were running between the first and the last, and how many began after it.
    let moments = [
        (TURN + 1000, 500),
        (TURN - 6, 500),
        (TURN + 3, 0),
        (TURN + 5, HALF - 100),
        (TURN + 5, HALF + 100),
        (1000, 500),
        (1000, HALF - 100),
    ];
    for (xmin, later) in moments {
        let (xmax, running) = (xmin + 10, [xmin, xmin + 4]);
        let now = xmax + later;
        let snapshot = format!("'{xmin}:{xmax}:{},{}'::pg_snapshot", running[0], running[1]);
        let oldest = (now + 1).saturating_sub(HALF).max(3);
        let around = |id: u64| (id.saturating_sub(12)..id + 12).filter(|id| (oldest..now).contains(id));
        let mut ids: Vec<u64> = [oldest, xmin, TURN - HALF, TURN, now].into_iter().flat_map(around).collect();
        ids.sort_unstable();
        ids.dedup();
        let halves: Vec<String> = ids.iter().map(|id| (id % HALF).to_string()).collect();
        let sql = format!(
            "select array_agg({} order by no)
             from (select no, half::xid as xmin from unnest($1::text[]) with ordinality h (half, no)) r",
            is_visible_in("r", &snapshot, xmin, now)
        );
        let read = async |tx: Tx| Ok(tx.query_one(&sql, &[&halves]).await?.try_get::<_, Vec<bool>>(0)?);
        let told = store.tx("visible", read).await.unwrap();
        assert_eq!(told.len(), ids.len());
        assert!(later > HALF || told.contains(&true));
        assert!(later == 0 || told.contains(&false));
        for (id, told) in ids.into_iter().zip(told) {
            assert_eq!(told, id < xmax && !running.contains(&id), "{id} of {snapshot}, {later} later");
        }
    }
}
