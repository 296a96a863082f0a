//! Closing hours: bounded in time, and with fewer hours at once where that is not enough.

use jiff::SignedDuration;
use tollgate_store::closed_hours;
use tollgate_store::utc::UtcMicros;

use crate::support::{Books, at};

/// Sums of as many hours, and a database that takes sums only on a condition.
async fn books(hours: i64, condition: &str, otherwise: &str) -> Books {
    let books = Books::open().await;
    let sql = format!(
        "insert into usage_rollups (hour, user_no, key_no, model_no, requests)
         select to_timestamp({first}) + h * interval '1 hour', 0, 0, 0, 1 from generate_series(0, {hours} - 1) h;
         update usage_closing set may_close_from = '-infinity';
         create function check_closing() returns trigger language plpgsql as $$ begin
             if not ({condition}) then raise exception 'not so' using errcode = '{otherwise}'; end if;
             return null;
         end $$;
         create trigger check_closing after insert on usage_sums referencing new table as new_sums
             for each statement execute function check_closing()",
        first = at(0).as_second() / 3600 * 3600
    );
    books.store.tx("fill", async |tx| Ok(tx.batch_execute(&sql).await?)).await.unwrap();
    books
}

#[tokio::test]
async fn closing_ends_before_those_who_wait_for_it_give_up() {
    let timeout = "current_setting('statement_timeout')::interval between interval '1 second' and interval '20 seconds'";
    let books = books(2, timeout, "P0001").await;
    closed_hours::close(&books.store, at(0) + SignedDuration::from_hours(10)).await.unwrap().unwrap();
}

#[tokio::test]
async fn what_takes_too_long_is_closed_by_fewer_hours_at_once() {
    // As if the database ended every statement that closes more than one hour.
    let one_hour = "(select count(distinct starts_at) from new_sums where grain = 1) <= 1";
    let one = books(8, one_hour, "57014").await;
    let now = at(0) + SignedDuration::from_hours(20);
    let closed = closed_hours::close(&one.store, now).await.unwrap().map(UtcMicros::timestamp).unwrap();
    assert!(closed > at(0) + SignedDuration::from_hours(8), "{closed}");
    let hours = one.store.tx("count", async |tx| {
        Ok(tx
            .query_one("select sum(requests)::bigint from usage_sums where grain = 1", &[])
            .await?
            .try_get::<_, i64>(0)?)
    });
    assert_eq!(hours.await.unwrap(), 8);
    // Where not even one goes, it is said, and nothing is closed.
    let none = books(3, "false", "57014").await;
    let error = closed_hours::close(&none.store, now).await.unwrap_err();
    assert_eq!(error.sqlstate(), Some("57014"));
}
