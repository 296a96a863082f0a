//! Whoever came in by what somebody made may be that one: what is made so is both's. And what somebody came in by must not have ended.

use std::sync::atomic::{AtomicU32, Ordering};

use jiff::SignedDuration;
use tokio::sync::Notify;
use tollgate_domain::{ApiKeyId, ApiKeyPurpose, UserId};
use tollgate_store::api_keys::NewApiKey;
use tollgate_store::management::identities::{self, KnownBy, Vouched};
use tollgate_store::management::keys::{self, PlatformRole};
use tollgate_store::management::makers::{Credential, Maker};
use tollgate_store::management::roles::{self, MadeKeys, WaysInMade};
use tollgate_store::management::sessions::{self, BegunBy};
use tollgate_store::management::sign_in_codes;
use tollgate_store::{StoreError, Tx};
use uuid::Uuid;

use crate::makers::{Door, Pair, Taking, come_in, digest, in_turn_while, set_password};
use crate::support::{ACTOR, Books, at};

const ISSUER: &str = "https://login.test";
const MANAGER: Option<PlatformRole> = Some(PlatformRole::Manager);

/// Comes in as the other by what the pair's manager made.
async fn come_in_by(pair: &Pair<'_>, tx: &Tx, door: Door, no: u8) -> Result<Credential, StoreError> {
    match door {
        Door::Link => come_in(pair, tx).await?,
        Door::Identity => {
            let vouched = Vouched { issuer: ISSUER.into(), subject: format!("ada, too {no}"), email: None };
            let known = identities::recognize(tx, &vouched, at(0)).await?.unwrap();
            let session = digest(3, no);
            sessions::begin(tx, &session, known.user, BegunBy::Oidc, None, &known.made_by, at(0)).await?;
        }
        Door::Key | Door::RotatedKey | Door::Role => {
            let sql = "select id from api_keys where created_by = $1 and user_id = $2";
            let row = tx.query_one(sql, &[&pair.ada.as_uuid(), &pair.other.as_uuid()]).await?;
            return Ok(Credential::Key(ApiKeyId::from_uuid(row.try_get(0)?)));
        }
    }
    Ok(Credential::Session(digest(3, no)))
}

/// Makes ways in as the other: a link for `third`, and for the other a key, an identity, and a link, by which a session begins and a
/// password is set. Returns the key's and the identity's id.
async fn make_as_the_other(
    pair: &Pair<'_>,
    tx: &Tx,
    by: Credential,
    third: UserId,
    no: u8,
) -> Result<(ApiKeyId, Uuid), StoreError> {
    let by = Some(&Maker { user: pair.other, by, ..pair.maker });
    let new =
        NewApiKey { user: pair.other.to_string(), purpose: ApiKeyPurpose::Platform, ..NewApiKey::default() };
    let key = keys::create(tx, &pair.books.master, &new, MANAGER, by, ACTOR).await?.key.id;
    let known_by = KnownBy::Subject(format!("again {no}"));
    let identity = identities::link(tx, pair.other, ISSUER, &known_by, by, at(0), ACTOR).await?.id;
    sign_in_codes::create(tx, &digest(4, no), third, by, at(0), ACTOR).await?;
    sign_in_codes::create(tx, &digest(5, no), pair.other, by, at(0), ACTOR).await?;
    let redeemed = sign_in_codes::redeem(tx, &digest(5, no), at(0)).await?.unwrap();
    let session = digest(6, no);
    sessions::begin(tx, &session, pair.other, BegunBy::Code, None, &redeemed.made_by, at(0)).await?;
    set_password(pair, tx, &session, at(0)).await?;
    Ok((key, identity))
}

#[tokio::test]
async fn what_is_made_by_a_way_in_that_somebody_made_is_listed_for_both_when_that_one_is_gone() {
    let books = Books::open().await;
    // Somebody always manages.
    Pair::come(&books, 200, Taking::Role).await;
    for (no, door) in (0..).zip([Door::Link, Door::Identity, Door::Key, Door::RotatedKey]) {
        let pair = Pair::come(&books, no, Taking::Role).await;
        let third = books.user(&format!("third {no}")).await.id;
        let work = async |tx: Tx| {
            roles::set(&tx, third, MANAGER, MadeKeys::Keep, at(0), None, ACTOR).await?;
            pair.make(&tx, door).await?;
            let linked = identities::of_user(&tx, pair.other).await?;
            let by = come_in_by(&pair, &tx, door, no).await?;
            let made = make_as_the_other(&pair, &tx, by, third, no).await?;
            // Nothing is left of the first way in.
            match by {
                Credential::Session(session) => sessions::end(&tx, &session).await?,
                Credential::Key(id) => drop(keys::revoke(&tx, id, ACTOR).await?),
            }
            for identity in linked {
                identities::unlink(&tx, pair.other, identity.id, ACTOR).await?;
            }
            Ok(made)
        };
        let (key, identity) = books.store.tx("make", work).await.unwrap();
        let demote = async |user: UserId| {
            let set = async |tx| roles::set(&tx, user, None, MadeKeys::Keep, at(0), None, ACTOR).await;
            books.store.tx("demote", set).await.unwrap().made
        };
        let all = WaysInMade {
            keys: vec![key],
            identities: vec![(identity, pair.other)],
            sign_in_links: vec![third],
            sessions: vec![pair.other],
            passwords: vec![pair.other],
        };
        assert_eq!(demote(pair.ada).await, all, "{door:?}");
        assert_eq!(demote(pair.other).await.sign_in_links, [third], "{door:?}");
    }
}

#[tokio::test]
async fn a_session_that_ended_by_the_clock_while_somebody_waited_makes_nothing() {
    let books = Books::open().await;
    let hours = |hours: i64| at(hours * 3600);
    // Nothing was asked for two hours; and twelve are over, in which something was asked all the time.
    let ends = [(hours(0), hours(2)), (hours(12), hours(12))];
    let all = ends.into_iter().flat_map(|end| Door::ALL.map(|door| (end, door)));
    for (no, ((seen, end), door)) in (0..).zip(all) {
        books.clock.set(at(0));
        let pair = Pair::come(&books, no, Taking::Role).await;
        let see = async |tx: Tx| {
            let sql = "update sessions set last_seen_at = $2 where user_id = $1";
            Ok(tx.execute(sql, &[&pair.ada.as_uuid(), &seen]).await?)
        };
        books.store.tx("see", see).await.unwrap();
        let hold = async |tx: &Tx| {
            let sql = "select 1 from users where id = $1 for update";
            Ok(tx.execute(sql, &[&pair.ada.as_uuid()]).await?)
        };
        let make = async |tx: &Tx| pair.make(tx, door).await;
        let (_, made) = in_turn_while(&books, hold, make, || books.clock.set(end)).await;
        assert!(matches!(made, Err(StoreError::Forbidden(_))), "{door:?} at {end}: {made:?}");
        books.clock.set(at(0));
        books.store.tx("before", async |tx| pair.make(&tx, door).await).await.unwrap();
    }
}

#[tokio::test]
async fn a_demotion_that_revokes_made_keys_and_a_rotation_by_one_of_them_never_deadlock() {
    let books = Books::open().await;
    let pair = Pair::come(&books, 0, Taking::Role).await;
    let mut made = Vec::new();
    for _ in 0..2 {
        let new = NewApiKey {
            user: pair.other.to_string(),
            purpose: ApiKeyPurpose::Platform,
            ..NewApiKey::default()
        };
        let by = Some(&pair.maker);
        let create = async |tx| keys::create(&tx, &books.master, &new, MANAGER, by, ACTOR).await;
        made.push(books.store.tx("key", create).await.unwrap().key.id);
    }
    let (runs, held, waits) = (AtomicU32::new(0), Notify::new(), Notify::new());
    let are_waiting = async |count: &str| {
        let sql =
            "select count(distinct l.pid)::text from pg_locks l join pg_stat_activity a on a.pid = l.pid
                   where a.datname = current_database() and not l.granted";
        while books.text(sql).await.as_deref() != Some(count) {}
    };
    // The first key is held until both wait: the demotion for it, and behind that the rotation, which holds the second or waits for its owner.
    let hold = books.store.tx("hold", async |tx| {
        tx.execute("select 1 from api_keys where id = $1 for update", &[&made[0].as_uuid()]).await?;
        held.notify_one();
        are_waiting("1").await;
        waits.notify_one();
        are_waiting("2").await;
        Ok(())
    });
    let demote = async {
        held.notified().await;
        let set = async |tx: Tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            roles::set(&tx, pair.ada, None, MadeKeys::Revoke, at(0), None, ACTOR).await
        };
        books.store.tx("demote", set).await
    };
    let rotate = async {
        waits.notified().await;
        let by = Some(&Maker { user: pair.other, by: Credential::Key(made[1]), ..pair.maker });
        let rotate = async |tx: Tx| {
            runs.fetch_add(1, Ordering::SeqCst);
            keys::rotate(&tx, &books.master, made[0], SignedDuration::ZERO, by, ACTOR).await
        };
        books.store.tx("rotate", rotate).await
    };
    let (hold, demoted, rotated) = tokio::join!(hold, demote, rotate);
    hold.unwrap();
    assert!(made.iter().all(|key| demoted.as_ref().unwrap().revoked.contains(key)), "{demoted:?}");
    assert!(matches!(rotated, Err(StoreError::Forbidden(_))), "{rotated:?}");
    // One that was ended by a deadlock would have been run again.
    assert_eq!(runs.into_inner(), 2);
}
