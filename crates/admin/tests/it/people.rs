//! How people come in: links, passwords, how often one may try, and that nothing of it is in the database as it was typed.

use http::Method;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tollgate_domain::UserId;
use tollgate_store::management::keys::PlatformRole;

use crate::house::{House, Reply, start};

const SESSION: &str = "/admin/api/v1/session";
const PASSWORD: &str = "/admin/api/v1/session/password";
const GOOD: &str = "correct horse battery";

fn later(minutes: i64) -> Timestamp {
    start() + SignedDuration::from_mins(minutes)
}

async fn set_password(house: &House, session: &str, password: &str, current: Option<&str>) -> Reply {
    let body = json!({ "password": password, "current": current });
    house.write(Method::PUT, session, PASSWORD, &body).await
}

/// Somebody with a password, and the session in which it was set.
async fn with_password(house: &House, name: &str) -> (UserId, String) {
    let user = house.person(name, None).await;
    let session = house.signs_in(user).await;
    assert_eq!(set_password(house, &session, GOOD, None).await.status, 204);
    (user, session)
}

async fn try_password(house: &House, name: &str, password: &str) -> Reply {
    house.sign_in(&json!({ "name": name, "password": password })).await
}

#[tokio::test]
async fn a_manager_gives_a_link_and_a_person_comes_in_sets_a_password_and_signs_in_with_it() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.person("ada", None).await;
    let path = format!("/admin/api/v1/users/{ada}/sign-in-links");
    let link = house.post(&manager.key, &path, &Value::Null).await;
    assert_eq!(link.status, 201);
    let link = link.json();
    assert_eq!(link["expires_at"], json!(later(15)));
    let url = link["url"].as_str().unwrap();
    let authority = house.request(&Method::GET, "").uri_ref().unwrap().authority().unwrap().to_string();
    let code = url.strip_prefix(&format!("http://{authority}/#/sign-in?code=")).expect(url);
    let session = house.sign_in(&json!({ "code": code })).await.session();
    assert_eq!(house.get(&session, SESSION).await.ok()["has_password"], false);
    assert_eq!(set_password(&house, &session, GOOD, None).await.status, 204);
    assert_eq!(house.get(&session, SESSION).await.ok()["has_password"], true);
    let by_password = try_password(&house, "ada", GOOD).await.session();
    assert_eq!(house.get(&by_password, SESSION).await.ok()["user"]["id"], json!(ada));
    // Neither half of what is needed, both ways at once, and nothing.
    for body in [
        json!({ "name": "ada" }),
        json!({ "password": GOOD }),
        json!({ "name": "ada", "password": GOOD, "code": "x" }),
        json!({}),
        json!({ "name": "ada", "password": GOOD, "role": "manager" }),
    ] {
        assert_eq!(house.sign_in(&body).await.problem().0, 422, "{body}");
    }
}

#[tokio::test]
async fn a_code_is_good_once_and_in_its_time_and_the_newest_alone() {
    let house = House::open().await;
    let ada = house.person("ada", None).await;
    let code = house.code(ada).await;
    let body = json!({ "code": code });
    let (one, two) = tokio::join!(house.sign_in(&body), house.sign_in(&body));
    let mut statuses = [one.status.as_u16(), two.status.as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 401]);
    assert_eq!(house.sign_in(&body).await.problem(), (401, "wrong_credentials".to_owned()));

    let (before, newest) = (house.code(ada).await, house.code(ada).await);
    assert_eq!(house.sign_in(&json!({ "code": before })).await.problem().0, 401);
    house.clock.set(later(14));
    house.sign_in(&json!({ "code": newest })).await.ok();
    house.clock.set(start());
    let late = house.code(ada).await;
    house.clock.set(later(15));
    assert_eq!(house.sign_in(&json!({ "code": late })).await.problem().0, 401);
}

#[tokio::test]
async fn whoever_is_wrong_about_whatever_is_told_the_same() {
    let house = House::open().await;
    with_password(&house, "ada").await;
    house.person("without a password", None).await;
    let wrong = try_password(&house, "ada", "not her password").await;
    assert_eq!(wrong.problem(), (401, "wrong_credentials".to_owned()));
    let told = |reply: &Reply| {
        let mut headers = reply.headers.clone();
        headers.remove("date");
        (reply.status, headers, reply.body.clone())
    };
    let too_long = "a".repeat(300);
    for name in ["nobody", "without a password", "system", "", "a\u{0}b", &too_long, "ada "] {
        assert_eq!(told(&try_password(&house, name, "not her password").await), told(&wrong), "{name:?}");
    }
    assert_eq!(told(&house.sign_in(&json!({ "code": "no such code" })).await), told(&wrong));
}

#[tokio::test]
async fn a_password_is_guessed_ten_times_and_then_not_even_the_right_one_is_listened_to() {
    let house = House::open().await;
    let (ada, session) = with_password(&house, "ada").await;
    let at_once = tokio::join!(
        try_password(&house, "ada", "guess 1 of many"),
        try_password(&house, "ada", "guess 2 of many"),
        try_password(&house, "ada", "guess 3 of many"),
        try_password(&house, "ada", "guess 4 of many"),
        try_password(&house, "ada", "guess 5 of many"),
        try_password(&house, "ada", "guess 6 of many"),
    );
    let mut answers = vec![at_once.0, at_once.1, at_once.2, at_once.3, at_once.4, at_once.5];
    for guess in 7..=12 {
        answers.push(try_password(&house, "ada", &format!("guess {guess} of many")).await);
    }
    let count = |code: u16| answers.iter().filter(|reply| reply.status.as_u16() == code).count();
    assert_eq!((count(401), count(429)), (10, 2));
    let right = try_password(&house, "ada", GOOD).await;
    assert_eq!(right.problem(), (429, "too_many_attempts".to_owned()));
    assert_eq!(right.headers["retry-after"], "900");
    house.clock.set(later(5));
    let right = try_password(&house, "ada", GOOD).await;
    assert_eq!((right.status.as_u16(), &right.headers["retry-after"]), (429, &"600".parse().unwrap()));
    // The count is in the database, where a restart does not begin it anew.
    assert_eq!(house.rows("select 1 from sign_in_attempts where attempts = 11").await.len(), 1);
    // Somebody else signs in, whoever is signed in stays so, and a link leads in.
    house.get(&session, SESSION).await.ok();
    let code = house.code(ada).await;
    house.sign_in(&json!({ "code": code })).await.ok();
    house.clock.set(later(15));
    try_password(&house, "ada", GOOD).await.ok();
    assert!(house.rows("select 1 from sign_in_attempts where attempts > 10").await.is_empty());
}

#[tokio::test]
async fn one_address_has_fifty_tries_whatever_it_tries() {
    let house = House::open().await;
    for guess in 0..50 {
        let reply = house.sign_in(&json!({ "code": format!("guess {guess}") })).await;
        assert_eq!(reply.status, 401, "{guess}");
    }
    let ada = house.person("ada", None).await;
    let code = house.code(ada).await;
    let reply = house.sign_in(&json!({ "code": code })).await;
    assert_eq!(reply.problem(), (429, "too_many_attempts".to_owned()));
    house.clock.set(later(15));
    let code = house.code(ada).await;
    house.sign_in(&json!({ "code": code })).await.ok();
}

#[tokio::test]
async fn a_password_is_long_and_changed_by_whoever_knows_it_which_ends_the_other_sessions() {
    let house = House::open().await;
    let (ada, session) = with_password(&house, "ada").await;
    for short in ["", "short", "eleven char"] {
        assert_eq!(set_password(&house, &session, short, Some(GOOD)).await.problem().0, 422, "{short}");
    }
    let by_password = try_password(&house, "ada", GOOD).await.session();
    let code = house.code(ada).await;
    let new = "another horse entirely";
    for current in [None, Some("wrong wrong wrong")] {
        let reply = set_password(&house, &by_password, new, current).await;
        assert_eq!(reply.problem(), (401, "wrong_credentials".to_owned()));
    }
    assert_eq!(set_password(&house, &by_password, new, Some(GOOD)).await.status, 204);
    house.get(&by_password, SESSION).await.ok();
    assert_eq!(house.get(&session, SESSION).await.problem().0, 401);
    assert_eq!(house.sign_in(&json!({ "code": code })).await.problem().0, 401);
    assert_eq!(try_password(&house, "ada", GOOD).await.problem().0, 401);
    try_password(&house, "ada", new).await.ok();
    // Who forgot it comes in by a link, and sets one within a quarter of an hour.
    let forgot = house.signs_in(ada).await;
    house.clock.set(later(16));
    assert_eq!(set_password(&house, &forgot, GOOD, None).await.problem().0, 401);
    let forgot = house.signs_in(ada).await;
    assert_eq!(set_password(&house, &forgot, GOOD, None).await.status, 204);
    try_password(&house, "ada", GOOD).await.ok();
}

#[tokio::test]
async fn nothing_of_what_people_typed_or_carry_is_in_the_database() {
    let house = House::open().await;
    let manager = house.person("boss", Some(PlatformRole::Manager)).await;
    let (_, session) = with_password(&house, "ada").await;
    let (used, unused) = (house.code(manager).await, house.code(manager).await);
    let by_code = house.signs_in(manager).await;
    let last = house.code(manager).await;
    // People type their password where their name belongs.
    let mistaken = "my secret sentence";
    assert_eq!(try_password(&house, mistaken, mistaken).await.status, 401);
    let mut secrets = vec![GOOD, mistaken, &used, &unused, &last];
    for session in [&session, &by_code] {
        let (cookie, token) = session.split_once('|').unwrap();
        secrets.extend([cookie.split_once('=').unwrap().1, token]);
    }
    let tables = house
        .rows(
            "select quote_ident(table_name) as name from information_schema.tables
               where table_schema = 'public' and table_type = 'BASE TABLE'",
        )
        .await;
    let holds = async |table: &str, text: &str| {
        let sql = format!("select 1 from {table} t where strpos(t::text, '{text}') > 0 limit 1");
        !house.rows(&sql).await.is_empty()
    };
    for table in &tables {
        let name = table["name"].as_str().unwrap();
        for secret in &secrets {
            assert!(!holds(name, secret).await, "{secret} is in {name}");
        }
    }
    // It would be found.
    assert!(holds("users", "ada").await && holds("user_passwords", "$argon2id$").await);
}
