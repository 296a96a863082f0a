//! Changes of tariffs, on the real tables.

use tollgate_domain::{ApiKeyPurpose, TariffId};
use tollgate_store::tariffs::{self, StoredTariff, TariffChange, WantedTariff};
use tollgate_store::{ErrorClass, StoreError, catalog, epochs};

use crate::support::{ACTOR, Books, at, wanted};

async fn replace(books: &Books, list: &[WantedTariff]) -> Result<TariffChange, StoreError> {
    books.store.tx("replace", async |tx| tariffs::replace(&tx, "m", list, &books.clock, ACTOR).await).await
}

async fn set(books: &Books, tariff: &WantedTariff) -> TariffChange {
    books.store.tx("set", async |tx| tariffs::set(&tx, "m", tariff, &books.clock, ACTOR).await).await.unwrap()
}

async fn list(books: &Books) -> Vec<StoredTariff> {
    books.store.tx("list", async |tx| tariffs::list(&tx, "m").await).await.unwrap()
}

fn batch(input: &str, window: Option<&str>) -> WantedTariff {
    WantedTariff {
        purpose: ApiKeyPurpose::Batch,
        completion_window: window.map(str::to_owned),
        ..wanted(input, "1")
    }
}

#[tokio::test]
async fn a_new_list_closes_what_is_gone_opens_what_changed_and_keeps_what_is_equal() {
    let books = Books::open().await;
    books.model().await;
    let first =
        replace(&books, &[wanted("1", "1"), batch("0.5", Some("24h")), batch("0.7", None)]).await.unwrap();
    assert_eq!((first.opened.len(), first.ended.len(), first.unchanged), (3, 0, 0));

    books.clock.set(at(100));
    let second = replace(&books, &[wanted("2", "1"), batch("0.5", Some("24h"))]).await.unwrap();
    assert_eq!((second.opened.len(), second.ended.len(), second.unchanged), (1, 2, 1));
    assert_eq!(second.at, at(100));

    let tariffs = list(&books).await;
    assert_eq!(tariffs.len(), 4, "history stays: {tariffs:?}");
    let realtime: Vec<_> =
        tariffs.iter().filter(|tariff| tariff.purpose == ApiKeyPurpose::Realtime).collect();
    assert_eq!((realtime[0].valid_from, realtime[0].valid_until), (at(0), Some(at(100))));
    assert_eq!((realtime[1].valid_from, realtime[1].valid_until), (at(100), None), "intervals abut");
    assert_eq!(realtime[0].prices, wanted("1", "1").prices, "an old price is never edited");
    let kept = tariffs.iter().find(|tariff| tariff.completion_window.is_some()).unwrap();
    assert_eq!(
        (kept.id, kept.valid_until),
        (first.opened.iter().find(|t| t.completion_window.is_some()).unwrap().id, None)
    );
}

#[tokio::test]
async fn a_price_that_goes_on_is_extended_and_not_ended() {
    let books = Books::open().await;
    books.model().await;
    set(&books, &wanted("1", "1")).await;
    let tomorrow = WantedTariff { valid_from: Some(at(100)), ..wanted("2", "2") };
    let scheduled = set(&books, &tomorrow).await;
    assert_eq!((scheduled.opened.len(), scheduled.ended.len(), scheduled.extended.len()), (1, 1, 0));
    let taken_back = set(&books, &wanted("1", "1")).await;
    let [extended] = taken_back.extended.as_slice() else { panic!("{taken_back:?}") };
    assert_eq!(extended.valid_until, None);
    let [withdrawn] = taken_back.ended.as_slice() else { panic!("{taken_back:?}") };
    assert_eq!((withdrawn.valid_from, withdrawn.valid_until), (at(100), Some(at(100))));
    assert!(taken_back.opened.is_empty() && taken_back.changed());
}

#[tokio::test]
async fn a_list_that_changes_nothing_moves_no_epoch_and_enters_no_audit() {
    let books = Books::open().await;
    books.model().await;
    let first = replace(&books, &[wanted("1", "1")]).await.unwrap();
    let entries = books.text("select count(*)::text from audit_log").await;
    let again = replace(&books, &[wanted("1.000", "1")]).await.unwrap();
    assert!(first.changed() && !again.changed());
    assert_eq!(again.pricing_epoch, first.pricing_epoch);
    assert_eq!(books.text("select count(*)::text from audit_log").await, entries);
    let second = replace(&books, &[]).await.unwrap();
    assert_eq!(second.pricing_epoch, first.pricing_epoch + 1);
}

#[tokio::test]
async fn an_empty_interval_is_left_when_a_price_is_replaced_at_its_own_opening() {
    let books = Books::open().await;
    books.model().await;
    replace(&books, &[wanted("1", "1")]).await.unwrap();
    replace(&books, &[wanted("2", "1")]).await.unwrap();
    let best = books
        .store
        .tx_repeatable_read("catalog", async |tx| catalog::load(&tx).await)
        .await
        .unwrap()
        .model_by_alias("m")
        .and_then(|model| model.best_tariff(None, None, at(0)).cloned())
        .unwrap();
    assert_eq!(best.tariff.prices, wanted("2", "1").prices);
}

#[tokio::test]
async fn set_touches_only_its_own_purpose_and_window() {
    let books = Books::open().await;
    books.model().await;
    replace(&books, &[wanted("1", "1"), batch("0.5", Some("24h")), batch("0.7", None)]).await.unwrap();
    books.clock.set(at(50));
    let change = set(&books, &batch("0.6", Some("24h"))).await;
    assert_eq!((change.opened.len(), change.ended.len()), (1, 1));
    assert_eq!(list(&books).await.iter().filter(|tariff| tariff.valid_until.is_none()).count(), 3);
}

#[tokio::test]
async fn two_changes_at_once_come_one_after_the_other() {
    let books = Books::open().await;
    books.model().await;
    replace(&books, &[wanted("1", "1")]).await.unwrap();
    books.clock.set(at(10));
    let (first, second) = (wanted("2", "1"), wanted("3", "1"));
    let (a, b) = tokio::join!(set(&books, &first), set(&books, &second));
    assert_ne!(a.pricing_epoch, b.pricing_epoch);
    let tariffs = list(&books).await;
    let open: Vec<_> = tariffs.iter().filter(|tariff| tariff.valid_until.is_none()).collect();
    assert_eq!(open.len(), 1, "one price in force: {tariffs:?}");
    let last = if a.pricing_epoch > b.pricing_epoch { &first } else { &second };
    assert_eq!(open[0].prices, last.prices, "the later change holds");
}

#[tokio::test]
async fn a_change_waits_for_a_flush_and_opens_at_the_clock_read_after_its_lock() {
    let books = Books::open().await;
    books.model().await;
    let (locked, flush_has_lock) = (tokio::sync::Notify::new(), tokio::sync::Notify::new());
    let flush = books.store.tx("flush", async |tx| {
        let before = epochs::read_shared(&tx).await?.epochs;
        locked.notify_one();
        flush_has_lock.notified().await;
        // The change stands behind the shared lock: the server says so.
        let waiting = "select count(*)::text from pg_locks l join pg_database d on d.oid = l.database
                       where datname = current_database() and locktype = 'advisory' and not granted";
        while books.text(waiting).await.as_deref() == Some("0") {}
        books.clock.set(at(77));
        assert_eq!(epochs::read(&tx).await?, before, "no price changes under the flush");
        Ok(before)
    });
    let list = [wanted("1", "1")];
    let change = async {
        locked.notified().await;
        flush_has_lock.notify_one();
        replace(&books, &list).await.unwrap()
    };
    let (before, change) = tokio::join!(flush, change);
    assert_eq!(change.at, at(77));
    assert_eq!(change.pricing_epoch, before.unwrap().pricing + 1);
}

#[tokio::test]
async fn a_tariff_of_another_time_is_known_with_the_epoch_that_brought_it() {
    let books = Books::open().await;
    books.model().await;
    replace(&books, &[wanted("1", "1")]).await.unwrap();
    books.clock.set(at(100));
    let change =
        replace(&books, &[wanted("1", "1"), WantedTariff { valid_from: Some(at(200)), ..wanted("2", "1") }])
            .await
            .unwrap();
    let catalog =
        books.store.tx_repeatable_read("catalog", async |tx| catalog::load(&tx).await).await.unwrap();
    assert_eq!(catalog.pricing_epoch, change.pricing_epoch);
    let model = catalog.model_by_alias("m").unwrap();
    let price = |second| model.best_tariff(None, None, at(second)).map(|known| known.tariff.prices);
    assert_eq!(price(199), Some(wanted("1", "1").prices));
    assert_eq!(price(200), Some(wanted("2", "1").prices));
    assert_eq!(price(-1), None);
    let first = model.best_tariff(None, None, at(199)).unwrap();
    assert_eq!(first.closed_epoch, Some(change.pricing_epoch));
    assert!(first.recorded_epoch < change.pricing_epoch);
}

#[tokio::test]
async fn prices_keep_all_twelve_decimals() {
    let books = Books::open().await;
    books.model().await;
    let list_wanted = [WantedTariff { valid_from: None, ..wanted("0.000000000001", "9223372.036854775807") }];
    replace(&books, &list_wanted).await.unwrap();
    assert_eq!(list(&books).await[0].prices, list_wanted[0].prices);
}

#[tokio::test]
async fn an_unknown_model_and_a_bad_window_are_refused_clearly() {
    let books = Books::open().await;
    let error = replace(&books, &[wanted("1", "1")]).await.unwrap_err();
    assert!(error.to_string().contains("model \"m\" does not exist; create it"), "{error}");
    books.model().await;
    let error = replace(&books, &[batch("1", Some("24\0h"))]).await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Refused);
    assert!(error.to_string().contains("the completion window contains"), "{error}");
}

#[tokio::test]
async fn a_list_that_was_made_without_seeing_a_change_does_not_undo_it() {
    let books = Books::open().await;
    books.model().await;
    let at_first = [wanted("1", "1"), batch("0.5", None)];
    let read: Vec<_> =
        replace(&books, &at_first).await.unwrap().opened.iter().map(|tariff| tariff.id).collect();
    books.clock.set(at(100));
    let by_somebody_else = set(&books, &batch("0.6", None)).await;

    books.clock.set(at(200));
    let new = [wanted("2", "1"), batch("0.5", None)];
    let replace_as_read = async |read: &[TariffId], list: &[WantedTariff]| {
        let replace =
            async |tx| tariffs::replace_as_read(&tx, "m", Some(read), list, &books.clock, ACTOR).await;
        books.store.tx("replace_as_read", replace).await
    };
    let refused = replace_as_read(&read, &new).await.unwrap_err();
    assert!(matches!(&refused, StoreError::Conflict(text) if text.contains("read them again")), "{refused}");
    assert_eq!(
        list(&books).await.iter().filter(|tariff| tariff.valid_until.is_none()).count(),
        2,
        "nothing changed"
    );

    let read_again: Vec<_> =
        list(&books).await.iter().filter(|t| t.valid_until.is_none()).map(|t| t.id).collect();
    assert!(read_again.contains(&by_somebody_else.opened[0].id) && read_again != read);
    let changed = replace_as_read(&read_again, &[wanted("2", "1"), batch("0.6", None)]).await.unwrap();
    assert_eq!((changed.opened.len(), changed.ended.len(), changed.unchanged), (1, 1, 1));
    // Sent again by who has no answer.
    let again = replace_as_read(&read_again, &[wanted("2", "1"), batch("0.6", None)]).await.unwrap();
    assert_eq!((again.opened.len(), again.ended.len()), (0, 0));
}
