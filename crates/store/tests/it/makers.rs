//! Of what somebody makes, and what takes their power to make it away, one comes first: what was made before is listed, and what would
//! come after is refused.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;
use tokio::sync::Notify;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, KeyDigest, UserId};
use tollgate_store::api_keys::NewApiKey;
use tollgate_store::management::identities::{self, KnownBy};
use tollgate_store::management::keys::{self, PlatformRole};
use tollgate_store::management::makers::{Credential, Maker};
use tollgate_store::management::passwords::{self, StoredPassword};
use tollgate_store::management::roles::{self, MadeKeys, WaysInMade};
use tollgate_store::management::sessions::{self, BegunBy};
use tollgate_store::management::{accounts, sign_in_codes};
use tollgate_store::{StoreError, Tx};

use crate::support::{ACTOR, Books, at};

/// What is made for somebody else that lets its maker in with that one's power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Door {
    Link,
    Identity,
    Key,
    RotatedKey,
    Role,
}

impl Door {
    pub(crate) const ALL: [Self; 5] = [Self::Link, Self::Identity, Self::Key, Self::RotatedKey, Self::Role];
}

/// How the power to make it is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Taking {
    Role,
    Deactivation,
    /// Signed out everywhere.
    Session,
    Key,
    ReplacedKey,
}

impl Taking {
    const ALL: [Self; 5] = [Self::Role, Self::Deactivation, Self::Session, Self::Key, Self::ReplacedKey];
}

/// A manager who makes, and another manager for whom it is made.
pub(crate) struct Pair<'a> {
    pub(crate) books: &'a Books,
    /// Among the pairs of its database.
    no: u8,
    pub(crate) maker: Maker<'a>,
    pub(crate) ada: UserId,
    pub(crate) other: UserId,
    pub(crate) others_key: ApiKeyId,
}

impl<'a> Pair<'a> {
    pub(crate) async fn come(books: &'a Books, no: u8, taking: Taking) -> Self {
        let manager = Some(PlatformRole::Manager);
        let mut comers = Vec::new();
        for name in ["ada", "other"] {
            let user = books.user(&format!("{name} {no}")).await.id;
            let (purpose, name) = (ApiKeyPurpose::Platform, String::new());
            let new = NewApiKey { user: user.to_string(), purpose, name, ..NewApiKey::default() };
            let come = async |tx: Tx| {
                roles::set(&tx, user, manager, MadeKeys::Keep, at(0), None, ACTOR).await?;
                Ok(keys::create(&tx, &books.master, &new, manager, None, ACTOR).await?.key.id)
            };
            comers.push((user, books.store.tx("come", come).await.unwrap()));
        }
        let [(ada, adas_key), (other, others_key)] = comers[..] else { unreachable!() };
        let session = digest(1, no);
        let begin = async |tx| sessions::begin(&tx, &session, ada, BegunBy::Password, None, &[], at(0)).await;
        books.store.tx("session", begin).await.unwrap();
        let by = match taking {
            Taking::Key | Taking::ReplacedKey => Credential::Key(adas_key),
            _ => Credential::Session(session),
        };
        let maker = Maker { user: ada, by, role: manager, clock: &books.clock };
        Self { books, no, maker, ada, other, others_key }
    }

    pub(crate) async fn make(&self, tx: &Tx, door: Door) -> Result<(), StoreError> {
        let Self { books, maker, other, others_key, .. } = self;
        let (other, by) = (*other, Some(maker));
        match door {
            Door::Link => {
                sign_in_codes::create(tx, &digest(2, self.no), other, by, at(0), ACTOR).await?;
            }
            Door::Identity => {
                let known_by = KnownBy::Subject(format!("ada, too {}", self.no));
                identities::link(tx, other, "https://login.test", &known_by, by, at(0), ACTOR).await?;
            }
            Door::Key => {
                let purpose = ApiKeyPurpose::Platform;
                let new = NewApiKey { user: other.to_string(), purpose, ..NewApiKey::default() };
                let role = Some(PlatformRole::Manager);
                keys::create(tx, &books.master, &new, role, by, ACTOR).await?;
            }
            Door::RotatedKey => {
                let overlap = SignedDuration::from_secs(1);
                keys::rotate(tx, &books.master, *others_key, overlap, by, ACTOR).await?;
            }
            Door::Role => {
                let role = Some(PlatformRole::Viewer);
                roles::set(tx, other, role, MadeKeys::Keep, at(0), by, ACTOR).await?;
            }
        }
        Ok(())
    }

    /// Takes the power away, and says what is listed then.
    async fn take(&self, tx: &Tx, taking: Taking) -> Result<WaysInMade, StoreError> {
        let Self { books, maker, ada, .. } = self;
        match (taking, maker.by) {
            (Taking::Role, _) => {
                let change = roles::set(tx, *ada, None, MadeKeys::Keep, at(0), None, ACTOR).await?;
                return Ok(change.made);
            }
            (Taking::Deactivation, _) => {
                accounts::deactivate(tx, *ada, ACTOR).await?;
            }
            (Taking::Key, Credential::Key(id)) => {
                keys::revoke(tx, id, ACTOR).await?;
            }
            (Taking::ReplacedKey, Credential::Key(id)) => {
                keys::rotate(tx, &books.master, id, SignedDuration::ZERO, None, ACTOR).await?;
            }
            _ => {
                sessions::end_all(tx, *ada, None, ACTOR).await?;
            }
        }
        roles::made_by(tx, *ada, None, at(0)).await
    }

    /// How many of these the other has.
    async fn count(&self, door: Door) -> i64 {
        let sql = match door {
            Door::Link => "select count(*) from sign_in_codes where user_id = $1",
            Door::Identity => "select count(*) from user_identities where user_id = $1",
            Door::Key | Door::RotatedKey => "select count(*) from api_keys where user_id = $1",
            Door::Role => "select count(*) from users where id = $1 and role = 'viewer'",
        };
        let count = async |tx: Tx| Ok(tx.query_one(sql, &[&self.other.as_uuid()]).await?.try_get(0)?);
        self.books.store.tx("count", count).await.unwrap()
    }
}

pub(crate) fn digest(what: u8, no: u8) -> KeyDigest {
    let mut bytes = [no; 32];
    bytes[0] = what;
    KeyDigest::from_bytes(bytes)
}

/// Runs `first` and, when it has done its work and not committed, `second`. `first` commits when `second` stands behind a lock of it, or has
/// ended without one.
async fn in_turn<A, B>(
    books: &Books,
    first: impl AsyncFn(&Tx) -> Result<A, StoreError>,
    second: impl AsyncFn(&Tx) -> Result<B, StoreError>,
) -> (Result<A, StoreError>, Result<B, StoreError>) {
    in_turn_while(books, first, second, || ()).await
}

/// As [`in_turn`]; `meanwhile` is done before `first` commits.
pub(crate) async fn in_turn_while<A, B>(
    books: &Books,
    first: impl AsyncFn(&Tx) -> Result<A, StoreError>,
    second: impl AsyncFn(&Tx) -> Result<B, StoreError>,
    meanwhile: impl Fn(),
) -> (Result<A, StoreError>, Result<B, StoreError>) {
    let (begun, has_ended) = (Notify::new(), AtomicBool::new(false));
    let first = books.store.tx("first", async |tx| {
        let done = first(&tx).await?;
        begun.notify_one();
        let waiting = "select count(*)::text from pg_locks l join pg_stat_activity a on a.pid = l.pid
                       where a.datname = current_database() and not l.granted";
        while books.text(waiting).await.as_deref() == Some("0") && !has_ended.load(Ordering::SeqCst) {}
        meanwhile();
        Ok(done)
    });
    let second = async {
        begun.notified().await;
        let done = books.store.tx("second", async |tx| second(&tx).await).await;
        has_ended.store(true, Ordering::SeqCst);
        done
    };
    tokio::join!(first, second)
}

#[tokio::test]
async fn what_would_be_made_after_the_power_to_make_it_was_taken_away_is_refused() {
    let books = Books::open().await;
    let all = Taking::ALL.into_iter().flat_map(|taking| Door::ALL.map(|door| (taking, door)));
    for (no, (taking, door)) in (0..).zip(all) {
        let pair = Pair::come(&books, no, taking).await;
        let before = pair.count(door).await;
        let (taken, made) =
            in_turn(&books, async |tx| pair.take(tx, taking).await, async |tx| pair.make(tx, door).await)
                .await;
        taken.unwrap();
        assert!(matches!(made, Err(StoreError::Forbidden(_))), "{door:?} after {taking:?}: {made:?}");
        assert_eq!(pair.count(door).await, before, "{door:?} after {taking:?}");
    }
}

#[tokio::test]
async fn what_was_made_before_the_power_to_make_it_is_taken_away_is_listed() {
    let books = Books::open().await;
    let all = Taking::ALL.into_iter().flat_map(|taking| Door::ALL.map(|door| (taking, door)));
    for (no, (taking, door)) in (0..).zip(all) {
        let pair = Pair::come(&books, no, taking).await;
        let (made, taken) =
            in_turn(&books, async |tx| pair.make(tx, door).await, async |tx| pair.take(tx, taking).await)
                .await;
        made.unwrap();
        let WaysInMade { keys, identities, sign_in_links, .. } = taken.unwrap();
        let found = match door {
            Door::Link => sign_in_links == [pair.other],
            Door::Identity => identities.iter().map(|(_, of)| *of).eq([pair.other]),
            Door::Key | Door::RotatedKey => keys.len() == 1,
            // It is not in the list: who has which role is seen of every user.
            Door::Role => pair.count(door).await == 1,
        };
        assert!(found, "{door:?} before {taking:?}: {keys:?} {identities:?} {sign_in_links:?}");
    }
}

/// Comes in by the code that the pair's manager made, as the other.
pub(crate) async fn come_in(pair: &Pair<'_>, tx: &Tx) -> Result<(), StoreError> {
    let redeemed = sign_in_codes::redeem(tx, &digest(2, pair.no), at(0)).await?.unwrap();
    let session = digest(3, pair.no);
    sessions::begin(tx, &session, redeemed.user, BegunBy::Code, None, &redeemed.made_by, at(0)).await?;
    Ok(())
}

pub(crate) async fn set_password(
    pair: &Pair<'_>,
    tx: &Tx,
    session: &KeyDigest,
    at: Timestamp,
) -> Result<(), StoreError> {
    let before = passwords::of_user(tx, pair.other).await?;
    // What is hashed, and how, is not the store's.
    let phc = SecretString::from(format!("$argon2id$v=19$m=8,t=1,p=1${at}"));
    passwords::set(tx, pair.other, before.as_ref(), &phc, session, at).await
}

#[tokio::test]
async fn a_link_that_is_being_used_is_listed_as_the_session_or_as_unused() {
    let books = Books::open().await;
    for (no, taking) in (0..).zip([Taking::Role, Taking::Deactivation]) {
        let pair = Pair::come(&books, no, taking).await;
        books.store.tx("link", async |tx| pair.make(&tx, Door::Link).await).await.unwrap();
        let (used, taken) =
            in_turn(&books, async |tx| come_in(&pair, tx).await, async |tx| pair.take(tx, taking).await)
                .await;
        used.unwrap();
        let taken = taken.unwrap();
        let listed = (&taken.sign_in_links[..], &taken.sessions[..]);
        assert_eq!(listed, (&[][..], &[pair.other][..]), "{taking:?}");

        let pair = Pair::come(&books, 100 + no, taking).await;
        books.store.tx("link", async |tx| pair.make(&tx, Door::Link).await).await.unwrap();
        let (taken, used) =
            in_turn(&books, async |tx| pair.take(tx, taking).await, async |tx| come_in(&pair, tx).await)
                .await;
        used.unwrap();
        let taken = taken.unwrap();
        let listed = (&taken.sign_in_links[..], &taken.sessions[..]);
        assert_eq!(listed, (&[pair.other][..], &[][..]), "{taking:?}");
    }
}

#[tokio::test]
async fn a_password_that_is_being_set_is_listed_or_the_session_is_in_which_it_is() {
    let books = Books::open().await;
    for (no, taking) in (0..).zip([Taking::Role, Taking::Deactivation]) {
        for (no, password_first) in [(no, true), (100 + no, false)] {
            let pair = Pair::come(&books, no, taking).await;
            let used = async |tx: Tx| {
                pair.make(&tx, Door::Link).await?;
                come_in(&pair, &tx).await
            };
            books.store.tx("link", used).await.unwrap();
            let session = digest(3, no);
            let set = async |tx: &Tx| set_password(&pair, tx, &session, at(0)).await;
            let take = async |tx: &Tx| pair.take(tx, taking).await;
            let (set, taken) = if password_first {
                in_turn(&books, set, take).await
            } else {
                let (taken, set) = in_turn(&books, take, set).await;
                (set, taken)
            };
            set.unwrap();
            let taken = taken.unwrap();
            assert_eq!(taken.sessions, [pair.other], "{taking:?}");
            assert_eq!(taken.passwords == [pair.other], password_first, "{taking:?}");
        }
    }
}

#[tokio::test]
async fn what_a_link_led_to_is_its_makers_until_another_link_led_to_a_new_password() {
    let books = Books::open().await;
    let pair = Pair::come(&books, 0, Taking::Role).await;
    let made = async |now: Timestamp| {
        let made =
            books.store.tx("made", async |tx| roles::made_by(&tx, pair.ada, None, now).await).await.unwrap();
        (made.sessions == [pair.other], made.passwords == [pair.other])
    };
    let come_in_and_set = async |by: Option<&Maker<'_>>| {
        let steps = async |tx: Tx| {
            sign_in_codes::create(&tx, &digest(2, 0), pair.other, by, at(0), ACTOR).await?;
            come_in(&pair, &tx).await?;
            set_password(&pair, &tx, &digest(3, 0), at(1)).await
        };
        books.store.tx("come in", steps).await.unwrap();
    };
    come_in_and_set(Some(&pair.maker)).await;
    assert_eq!(made(at(1)).await, (true, true));
    // The session ends by itself, the password does not.
    assert_eq!(made(at(13 * 3600)).await, (false, true));
    let by_password = async |tx: Tx| {
        sessions::end_all(&tx, pair.other, None, ACTOR).await?;
        let stored: StoredPassword = passwords::of_name(&tx, "other 0").await?.unwrap();
        assert!(passwords::is_still(&tx, &stored).await?);
        let session = digest(3, 0);
        sessions::begin(&tx, &session, pair.other, BegunBy::Password, None, &stored.made_by, at(2)).await
    };
    books.store.tx("by password", by_password).await.unwrap();
    assert_eq!(made(at(2)).await, (true, true));
    // Whoever knew the password before may be the one who changes it.
    books.store.tx("set", async |tx| set_password(&pair, &tx, &digest(3, 0), at(3)).await).await.unwrap();
    assert_eq!(made(at(3)).await, (true, true));
    let end = async |tx| sessions::end_all(&tx, pair.other, None, ACTOR).await;
    books.store.tx("end", end).await.unwrap();
    come_in_and_set(None).await;
    assert_eq!(made(at(4)).await, (false, false));
}

#[tokio::test]
async fn the_flush_waits_for_neither_a_demotion_nor_what_a_manager_makes() {
    let books = Books::open().await;
    // What a row that refers to a user does to the user's, and a flush enters some of these.
    let refer = async |user: UserId| {
        let sql = "select 1 from users where id = $1 for key share nowait";
        books.store.tx("refer", async |tx| Ok(tx.execute(sql, &[&user.as_uuid()]).await?)).await
    };
    for (no, door) in (0..).zip(Door::ALL) {
        let pair = Pair::come(&books, no, Taking::Role).await;
        let work = async |tx: Tx| {
            pair.make(&tx, door).await?;
            for user in [pair.ada, pair.other] {
                assert_eq!(refer(user).await?, 1, "{door:?}");
            }
            Ok(())
        };
        books.store.tx("make", work).await.unwrap();
        let work = async |tx: Tx| {
            pair.take(&tx, Taking::Role).await?;
            refer(pair.ada).await
        };
        assert_eq!(books.store.tx("take", work).await.unwrap(), 1);
    }
}

#[tokio::test]
async fn two_managers_who_make_links_for_each_other_at_once_never_deadlock() {
    let books = Books::open().await;
    let [one, two] = [Pair::come(&books, 0, Taking::Role).await, Pair::come(&books, 1, Taking::Role).await];
    let runs = AtomicU32::new(0);
    let link = async |by: &Pair<'_>, of: &Pair<'_>| {
        let create = async |tx: Tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            sign_in_codes::create(&tx, &digest(2, by.no), of.ada, Some(&by.maker), at(0), ACTOR).await
        };
        books.store.tx("link", create).await.unwrap();
    };
    for _ in 0..50 {
        tokio::join!(link(&one, &two), link(&two, &one));
    }
    // One that was ended by a deadlock would have been run again.
    assert_eq!(runs.into_inner(), 100);
}
