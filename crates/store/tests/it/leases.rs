//! Leases: what gateways may spend of one balance, together.

use std::time::Duration;

use tollgate_domain::{Credits, InstanceId};
use tollgate_store::leases::{self, Epoch, Granted, Renewal, Wanted};
use tollgate_store::movements::MovementKind;
use tollgate_store::overdrafts::{self, Overdraft};
use tollgate_store::users::User;
use tollgate_store::{ledger, reports};
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
        self.store.tx("renew", async |tx| leases::renew(&tx, epoch, lifetime, wanted).await).await.unwrap()
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
