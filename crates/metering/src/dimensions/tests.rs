use tollgate_domain::MasterKey;
use tollgate_store::StoreConfig;
use tollgate_testkit::TestDatabase;

use super::*;

fn dimensions(user_agent: &str) -> DimensionsRef<'_> {
    DimensionsRef {
        method: "POST",
        uri: "/v1/chat/completions",
        request_model: Some("m"),
        response_model: None,
        response_type: "chat_completion",
        finish_reason: None,
        outcome: "completed",
        user_agent: Some(user_agent),
        server_address: None,
        server_port: None,
        served_by: None,
        provider_name: None,
        access_source: "api_key",
        api_key_purpose: Some("batch"),
        request_origin: "batch",
        batch_completion_window: Some("24h"),
        batch_request_source: None,
    }
}

async fn number(interner: &Interner, store: &Store, user_agents: &[&str]) -> Vec<i32> {
    let keys = RecordKeys::derive(&MasterKey::from_bytes([1; 32]));
    let server = store.tx("server", async |tx| Ok(tx.server())).await.unwrap();
    let mut unnumbered = Unnumbered::on(server);
    let mut scratch = Vec::new();
    let mut numbers: Vec<i32> = user_agents
        .iter()
        .enumerate()
        .map(|(index, agent)| {
            interner.number(&dimensions(agent), true, index, &mut unnumbered, &mut scratch).unwrap_or(0)
        })
        .collect();
    interner.assign(store, &keys, unnumbered, |index, number| numbers[index] = number).await.unwrap();
    numbers
}

#[tokio::test]
async fn past_the_cap_what_a_client_makes_up_is_other_and_what_decides_the_price_stays() {
    let database = TestDatabase::create().await;
    let store = Store::connect(&StoreConfig::new(database.url())).unwrap();
    let interner = Interner::new(3);
    let first = number(&interner, &store, &["a", "b", "a"]).await;
    assert_eq!(first[0], first[2]);
    assert_ne!(first[0], first[1]);
    let more = number(&interner, &store, &["c", "d", "e", "a"]).await;
    assert_eq!(more[1], more[2], "both are `other`");
    assert_eq!(more[3], first[0], "what has a number keeps it");
    let later = number(&interner, &store, &["f"]).await;
    assert_eq!(later[0], more[1]);
    let collapsed = store
        .tx("read", async |tx| usage_dimensions::by_no(&tx, &later).await)
        .await
        .unwrap()
        .remove(&later[0])
        .unwrap();
    assert_eq!(collapsed.user_agent.as_deref(), Some(OTHER));
    assert_eq!(collapsed.request_model.as_deref(), Some("m"), "a model that we know is no invention");
    assert_eq!(collapsed.batch_completion_window.as_deref(), Some("24h"));
    assert_eq!(store.tx("count", async |tx| usage_dimensions::count(&tx).await).await.unwrap(), 4);
}

#[tokio::test]
async fn two_processes_give_one_combination_one_number() {
    let database = TestDatabase::create().await;
    let store = Store::connect(&StoreConfig::new(database.url())).unwrap();
    let (one, two) = (Interner::new(100), Interner::new(100));
    let agents = ["a", "b", "c", "d"];
    let backwards = ["d", "c", "b", "a"];
    let (mut ours, theirs) = tokio::join!(number(&one, &store, &agents), number(&two, &store, &backwards));
    ours.reverse();
    assert_eq!(ours, theirs);
}

#[tokio::test]
async fn a_batcher_that_starts_asks_once_for_everything_that_was_numbered_before() {
    let database = TestDatabase::create().await;
    let store = Store::connect(&StoreConfig::new(database.url())).unwrap();
    let before = number(&Interner::new(100), &store, &["a", "b", "c"]).await;
    let started = Interner::new(100);
    let mut after = number(&started, &store, &["a"]).await;
    // From here on there is no table to ask.
    store
        .tx("rename", async |tx| Ok(tx.batch_execute("alter table usage_dimensions rename to away").await?))
        .await
        .unwrap();
    after.extend(number(&started, &store, &["b", "c"]).await);
    assert_eq!(after, before);
}
