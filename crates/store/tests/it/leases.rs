//! Leases: what gateways may spend of one balance, together.

use std::time::Duration;

use tollgate_domain::{Credits, InstanceId};
use tollgate_store::leases::{self, Epoch, Granted, Renewal, Wanted};
use tollgate_store::movements::MovementKind;
use tollgate_store::overdrafts::{self, Overdraft};
use tollgate_store::users::User;
use tollgate_store::{ErrorClass, StoreError, Tx, ledger, reports};
use uuid::Uuid;

use crate::support::{Books, credits};

const LIFETIME: Duration = Duration::from_secs(55);
/// Over as soon as it is written.
const NO_TIME: Duration = Duration::ZERO;

fn epoch() -> Epoch {
    Epoch { instance: InstanceId::from_uuid(Uuid::new_v4()), id: Uuid::new_v4() }
}

fn nothing(user: &User) -> Wanted {
    Wanted {
        user: user.id,
        keep: Credits::ZERO,
        step: Credits::ZERO,
        missing: Credits::ZERO,
        room: Credits::ZERO,
        needed: Credits::ZERO,
        held: Credits::ZERO,
        overrun: Credits::ZERO,
        gives_back: false,
    }
}

/// What waits for so much.
fn waits(user: &User, amount: &str) -> Wanted {
    let amount = credits(amount);
    Wanted { step: amount, missing: amount, needed: amount, ..nothing(user) }
}

impl Books {
    async fn renew(&self, epoch: Epoch, lifetime: Duration, wanted: &[Wanted]) -> Renewal {
        loop {
            let renew = async |tx: Tx| leases::renew(&tx, epoch, lifetime, wanted).await;
            match self.store.tx("renew", renew).await {
                Ok(renewal) => return renewal,
                // On a busy machine a limit of waits or of silence ends it, and it is asked for again, as gateways do.
                Err(error) => assert_eq!(error.class(), ErrorClass::Retry, "{error}"),
            }
        }
    }

    async fn one(&self, epoch: Epoch, wanted: Wanted) -> Granted {
        let renewal = self.renew(epoch, LIFETIME, &[wanted]).await;
        assert_eq!(renewal.granted.len(), 1);
        renewal.granted[0]
    }

    async fn rich(&self, amount: &str) -> User {
        let user = self.user("ada").await;
        self.grant("ada", amount, "grant").await.unwrap();
        user
    }

    async fn overdraft(&self, user: &User) -> Overdraft {
        self.store.tx("overdraft", async |tx| overdrafts::of(&tx, user.id).await).await.unwrap()
    }

    /// As a flush does it.
    async fn charge(&self, user: &User, amount: &str) {
        let delta = credits(amount).negated();
        self.store
            .tx("charge", async |tx| {
                let changes = ledger::apply_deltas(&tx, &[(user.no, delta)]).await?;
                overdrafts::add_falls(&tx, &changes).await
            })
            .await
            .unwrap();
    }

    async fn exceeded(&self) -> Vec<overdrafts::Exceeded> {
        self.store.tx("exceeded", async |tx| overdrafts::exceeded(&tx).await).await.unwrap()
    }
}

#[tokio::test]
async fn what_others_have_is_not_given_again() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let (first, second) = (epoch(), epoch());
    assert_eq!(books.one(first, waits(&ada, "6")).await.amount, credits("6"));
    let granted = books.one(second, waits(&ada, "6")).await;
    assert_eq!(
        (granted.amount, granted.others_needed, granted.free),
        (Credits::ZERO, credits("6"), credits("4"))
    );
    assert_eq!(books.one(second, waits(&ada, "4")).await.amount, credits("4"));
}

#[tokio::test]
async fn less_than_would_do_for_anything_that_waits_is_left_where_it_is() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let several =
        Wanted { step: credits("3"), missing: credits("20"), needed: credits("20"), ..nothing(&ada) };
    assert_eq!(books.one(epoch(), several).await.amount, credits("10"));
    let other = epoch();
    assert_eq!(books.one(other, waits(&ada, "1")).await.amount, Credits::ZERO);
}

#[tokio::test]
async fn room_is_half_of_what_is_left_and_none_where_somebody_lacks_money() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let roomy = Wanted { room: credits("100"), ..waits(&ada, "2") };
    let granted = books.one(epoch(), roomy).await;
    assert_eq!((granted.amount, granted.free), (credits("6"), credits("10")));
    assert_eq!(books.one(epoch(), waits(&ada, "5")).await.amount, Credits::ZERO);
    let granted = books.one(epoch(), Wanted { room: credits("100"), ..waits(&ada, "1") }).await;
    assert_eq!((granted.amount, granted.others_unmet), (credits("1"), credits("5")));
}

#[tokio::test]
async fn what_is_kept_is_not_taken_from_its_gateway_that_may_have_spent_it() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let first = epoch();
    books.one(first, waits(&ada, "8")).await;
    let keeps = Wanted { keep: credits("8"), needed: credits("8"), ..nothing(&ada) };
    assert_eq!(books.one(first, keeps).await.amount, credits("8"));
    books.movement("ada", MovementKind::AdminRemoval, "5", "removal").await.unwrap();
    let granted = books.one(first, keeps).await;
    assert_eq!((granted.amount, granted.free), (credits("8"), credits("5")));
    assert_eq!(books.overdraft(&ada).await.unheld, credits("5"));
}

#[tokio::test]
async fn a_lease_that_is_given_back_is_there_for_others_at_once() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let first = epoch();
    books.one(first, waits(&ada, "10")).await;
    assert_eq!(books.one(first, Wanted { gives_back: true, ..nothing(&ada) }).await.amount, Credits::ZERO);
    assert_eq!(books.one(epoch(), waits(&ada, "10")).await.amount, credits("10"));
    assert_eq!(books.overdraft(&ada).await, Overdraft::default());
}

#[tokio::test]
async fn a_lease_that_has_run_out_is_there_for_others_and_is_swept_up_once() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    books.renew(epoch(), NO_TIME, &[waits(&ada, "7")]).await;
    assert_eq!(books.one(epoch(), waits(&ada, "10")).await.amount, credits("10"));
    let sweep = async || books.store.tx("sweep", async |tx| leases::sweep(&tx).await).await.unwrap();
    assert_eq!((sweep().await, sweep().await), (1, 0));
    assert_eq!(books.overdraft(&ada).await.fenced, credits("7"));
}

#[tokio::test]
async fn former_lives_end_when_their_log_is_in_the_books() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let former = epoch();
    books.one(former, waits(&ada, "7")).await;
    let epoch = Epoch { id: Uuid::new_v4(), ..former };
    let end =
        async || books.store.tx("end", async |tx| leases::end_former(&tx, epoch, 5).await).await.unwrap();
    assert!(!end().await, "nobody knows its log yet");
    assert_eq!(books.one(epoch, waits(&ada, "10")).await.amount, Credits::ZERO);
    books
        .store
        .tx("adopt", async |tx| tollgate_store::instances::adopt(&tx, former.instance, 5).await)
        .await
        .unwrap();
    assert!(end().await);
    assert_eq!(books.one(epoch, waits(&ada, "10")).await.amount, credits("10"));
}

#[tokio::test]
async fn a_former_life_that_hangs_in_a_renewal_keeps_nobody_waiting_and_ends_when_that_is_over() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let former = epoch();
    books.one(former, waits(&ada, "7")).await;
    let epoch = Epoch { id: Uuid::new_v4(), ..former };
    let adopt = async |tx| tollgate_store::instances::adopt(&tx, former.instance, 5).await;
    books.store.tx("adopt", adopt).await.unwrap();
    let end = async || books.store.tx("end", async |tx| leases::end_former(&tx, epoch, 5).await).await;
    let hang = async |tx: Tx| {
        leases::renew(&tx, former, LIFETIME, &[waits(&ada, "7")]).await?;
        // It would wait for what this very transaction holds.
        assert!(end().await.unwrap());
        Ok(())
    };
    books.store.tx("hang", hang).await.unwrap();
    assert_eq!(books.one(epoch, waits(&ada, "10")).await.amount, Credits::ZERO);
    assert!(end().await.unwrap());
    assert_eq!(books.one(epoch, waits(&ada, "10")).await.amount, credits("10"));
}

#[tokio::test]
async fn gateways_that_ask_at_the_same_time_get_no_more_than_there_is() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    for _ in 0..20 {
        let asked = (0..4).map(|_| books.one(epoch(), Wanted { room: credits("1"), ..waits(&ada, "3") }));
        let granted = futures_util::future::join_all(asked).await;
        let sum: i128 = granted.iter().map(|granted| granted.amount.pico()).sum();
        assert!(sum <= credits("10").pico(), "{granted:?}");
        books
            .store
            .tx("forget", async |tx| Ok(tx.batch_execute("delete from credit_leases").await?))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_user_that_nobody_knows_has_no_lease_and_the_others_have_theirs() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let unknown = Wanted { user: tollgate_domain::UserId::generate(), ..waits(&ada, "1") };
    let renewal = books.renew(epoch(), LIFETIME, &[unknown, waits(&ada, "1")]).await;
    assert_eq!(renewal.granted.iter().map(|granted| granted.user).collect::<Vec<_>>(), [ada.id]);
}

#[tokio::test]
async fn the_report_says_what_is_held_and_leased_and_available() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let wanted = Wanted { held: credits("2"), room: credits("4"), ..waits(&ada, "3") };
    books.one(epoch(), wanted).await;
    books.one(epoch(), Wanted { held: credits("1"), ..waits(&ada, "1") }).await;
    let report = books.store.tx("balance", async |tx| reports::balance(&tx, "ada").await).await.unwrap();
    assert_eq!(
        (report.balance, report.held, report.leased, report.available),
        (credits("10"), credits("3"), credits("7.5"), credits("7"))
    );
}

#[tokio::test]
async fn a_fall_below_zero_that_nobody_explains_is_found() {
    let books = Books::open().await;
    let ada = books.rich("1").await;
    let epoch = epoch();
    books.one(epoch, waits(&ada, "1")).await;
    books.charge(&ada, "0.9").await;
    assert_eq!(books.overdraft(&ada).await, Overdraft::default());
    books.charge(&ada, "0.3").await;
    books.charge(&ada, "0.1").await;
    assert_eq!(books.overdraft(&ada).await.fallen, credits("0.3"));
    let exceeded = books.exceeded().await;
    assert_eq!(
        (exceeded[0].user, exceeded[0].fallen, exceeded[0].bound),
        (ada.id, credits("0.3"), Credits::ZERO)
    );
    // The gateway tells that a request cost more than it held.
    books.one(epoch, Wanted { overrun: credits("0.3"), ..nothing(&ada) }).await;
    assert_eq!(books.exceeded().await, []);
    // Given something, and below zero again: each fall counts.
    books.grant("ada", "1", "again").await.unwrap();
    books.charge(&ada, "1").await;
    assert_eq!(books.overdraft(&ada).await.fallen, credits("0.6"));
    assert_eq!(books.exceeded().await.len(), 1);
}

#[tokio::test]
async fn without_leases_a_fall_is_nobodys_and_is_not_taken_down() {
    let books = Books::open().await;
    let ada = books.rich("1").await;
    books.charge(&ada, "3").await;
    assert_eq!(books.overdraft(&ada).await, Overdraft::default());
}

/// Longer than any of it may take, and shorter than a frozen session lives where nobody limits it.
const PATIENCE: Duration = Duration::from_secs(40);

#[tokio::test]
async fn a_gateway_that_freezes_in_a_renewal_stops_others_for_moments_only() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let (frozen, is_frozen) = tokio::sync::watch::channel(false);
    let wanted = [waits(&ada, "1")];
    let freezing = async {
        let ended: Result<(), StoreError> = books
            .store
            .tx("frozen", async |tx| {
                leases::renew(&tx, epoch(), LIFETIME, &wanted).await?;
                frozen.send_replace(true);
                std::future::pending().await
            })
            .await;
        assert!(matches!(ended, Err(StoreError::Lost { .. })), "it never ends by itself: {ended:?}");
        std::future::pending().await
    };
    let mut is_frozen = is_frozen;
    let renewing = async {
        is_frozen.wait_for(|is_frozen| *is_frozen).await.unwrap();
        let other = epoch();
        loop {
            let wanted = [waits(&ada, "1")];
            match books.store.tx("renew", async |tx| leases::renew(&tx, other, LIFETIME, &wanted).await).await
            {
                Ok(renewal) => return renewal,
                Err(error) => assert!(leases::is_busy(&error), "{error}"),
            }
        }
    };
    let both = async {
        tokio::select! {
            renewal = renewing => renewal,
            never = freezing => never,
        }
    };
    let renewal = tokio::time::timeout(PATIENCE, both).await.expect("it is ended by the server");
    assert_eq!(renewal.granted[0].amount, credits("1"), "what the frozen one wrote is undone");
}

#[tokio::test]
async fn a_lease_of_ones_own_that_ran_out_counts_as_lost_when_it_is_renewed_or_given_back() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let gateway = epoch();
    books.renew(gateway, NO_TIME, &[waits(&ada, "7")]).await;
    assert_eq!(books.one(gateway, waits(&ada, "2")).await.amount, credits("2"));
    assert_eq!(books.overdraft(&ada).await.fenced, credits("7"));
    // One that lives does not.
    books.one(gateway, waits(&ada, "2")).await;
    assert_eq!(books.overdraft(&ada).await.fenced, credits("7"));
    books.renew(gateway, NO_TIME, &[waits(&ada, "1")]).await;
    books.one(gateway, Wanted { gives_back: true, ..nothing(&ada) }).await;
    assert_eq!(books.overdraft(&ada).await.fenced, credits("8"));
    let swept = books.store.tx("sweep", async |tx| leases::sweep(&tx).await).await.unwrap();
    assert_eq!(swept, 0);
}

#[tokio::test]
async fn what_explains_a_fall_is_used_up_when_the_balance_rises() {
    let books = Books::open().await;
    let ada = books.rich("1").await;
    let gateway = epoch();
    books.one(gateway, waits(&ada, "1")).await;
    // While there was money, a request cost more than it held.
    books.one(gateway, Wanted { overrun: credits("0.5"), ..nothing(&ada) }).await;
    books.grant("ada", "1", "more").await.unwrap();
    books.charge(&ada, "2.3").await;
    let exceeded = books.exceeded().await;
    assert_eq!((exceeded[0].fallen, exceeded[0].bound), (credits("0.3"), Credits::ZERO));
    // What is told late explains it all the same, also after the next rise.
    books.grant("ada", "1", "again").await.unwrap();
    assert_eq!(books.exceeded().await.len(), 1);
    books.one(gateway, Wanted { overrun: credits("0.3"), ..nothing(&ada) }).await;
    assert_eq!(books.exceeded().await, []);
    books.charge(&ada, "1").await;
    assert_eq!(books.exceeded().await.len(), 1, "it explains nothing else");
}

#[tokio::test]
async fn what_is_taken_while_a_first_lease_is_made_is_known_to_one_of_them() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let (made, is_made) = tokio::sync::watch::channel(false);
    let wanted = [waits(&ada, "8")];
    // The lease is granted, and not committed until the removal waits for it.
    let leasing = books.store.tx("first_lease", async |tx| {
        let renewal = leases::renew(&tx, epoch(), LIFETIME, &wanted).await?;
        made.send_replace(true);
        let waits = "select exists (select from pg_locks where locktype = 'advisory' and not granted
                                       and database = (select oid from pg_database where datname = current_database()))";
        for _ in 0..100_000 {
            if tx.query_one(waits, &[]).await?.try_get(0)? {
                return Ok(Some(renewal));
            }
        }
        Ok(None)
    });
    let mut is_made = is_made;
    let removing = async {
        is_made.wait_for(|is_made| *is_made).await.unwrap();
        books.movement("ada", MovementKind::AdminRemoval, "5", "removal").await.unwrap();
    };
    let (renewal, ()) = tokio::join!(leasing, removing);
    assert_eq!(renewal.unwrap().expect("the removal waits").granted[0].amount, credits("8"));
    assert_eq!(books.overdraft(&ada).await.unheld, credits("5"));
}

#[tokio::test]
async fn who_lacks_money_is_found_among_many_leases_without_reading_them_and_renewals_stay_in_their_page() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let (first, second) = (epoch(), epoch());
    // One that lacks something, among as many leases as there are epochs.
    books.one(first, waits(&ada, "20")).await;
    let others = "insert into credit_leases (user_no, epoch, instance_id, amount, needed, held, expires_at)
                  select no, gen_random_uuid(), gen_random_uuid(), 0, 0, 0, clock_timestamp() + interval '1 h'
                    from users, generate_series(1, 5000) where name = 'ada'; analyze credit_leases";
    books.store.tx("others", async |tx| Ok(tx.batch_execute(others).await?)).await.unwrap();
    let statistics = "select coalesce(seq_scan, 0), coalesce(n_tup_upd, 0), coalesce(n_tup_hot_upd, 0)
                        from pg_stat_xact_user_tables where relname = 'credit_leases'";
    // They count what the session has done in earlier transactions, too.
    let seen = async |tx: &Tx| {
        let row = tx.query_one(statistics, &[]).await?;
        Ok::<_, StoreError>([0, 1, 2].map(|at| row.get::<_, i64>(at)))
    };
    let (lacking, read) = books
        .store
        .tx("lacking", async |tx| {
            let before = seen(&tx).await?;
            let lacking = leases::lacking(&tx, second).await?;
            Ok((lacking, seen(&tx).await?[0] - before[0]))
        })
        .await
        .unwrap();
    assert_eq!((lacking, read), (vec![ada.id], 0), "and the table was not read");
    let renewed = books
        .store
        .tx("renew", async |tx| {
            let before = seen(&tx).await?;
            leases::renew(&tx, first, LIFETIME, &[waits(&ada, "21")]).await?;
            let after = seen(&tx).await?;
            Ok((after[1] - before[1], after[2] - before[2]))
        })
        .await
        .unwrap();
    assert_eq!(renewed, (1, 1), "one update, and no index had to follow it");
}

#[tokio::test]
async fn what_a_dead_gateway_lacked_keeps_nobody_from_room_and_what_a_live_one_lacks_is_heard_of() {
    let books = Books::open().await;
    let ada = books.rich("10").await;
    let (first, second) = (epoch(), epoch());
    books.one(first, waits(&ada, "20")).await;
    let lacking =
        async |epoch| books.store.tx("lacking", async |tx| leases::lacking(&tx, epoch).await).await.unwrap();
    assert_eq!((lacking(second).await, lacking(first).await), (vec![ada.id], vec![]));
    books
        .store
        .tx("long_ago", async |tx| {
            Ok(tx.batch_execute("update credit_leases set renewed_at = renewed_at - interval '3 s'").await?)
        })
        .await
        .unwrap();
    assert_eq!(lacking(second).await, []);
    let granted = books.one(second, Wanted { room: credits("100"), ..waits(&ada, "2") }).await;
    assert_eq!((granted.amount, granted.others_unmet), (credits("6"), Credits::ZERO));
}
