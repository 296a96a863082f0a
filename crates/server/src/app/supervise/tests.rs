use super::*;

#[tokio::test]
async fn a_panic_is_the_end_of_a_task_and_is_named() {
    let mut tasks = Tasks::default();
    tasks.spawn("idler", std::future::pending());
    tasks.spawn("batcher", async { panic!("a secret") });
    let ended = tasks.next_end().await;
    assert_eq!(ended.name, "batcher");
    assert_eq!(ended.result.unwrap_err().to_string(), "the batcher panicked");
}

#[tokio::test]
async fn waiting_for_one_task_keeps_what_the_others_ended_with() {
    let mut tasks = Tasks::default();
    let (sender, receiver) = tokio::sync::oneshot::channel::<()>();
    tasks.spawn("refresher", async move {
        drop(sender);
        anyhow::bail!("no luck")
    });
    tasks.spawn("gateway", async move {
        receiver.await.unwrap_err();
        Ok(())
    });
    let mut others = Vec::new();
    tasks.end_of("gateway", &mut others).await.unwrap();
    if others.is_empty() {
        others.push(tasks.next_end().await);
    }
    assert_eq!(others.len(), 1);
    assert_eq!(others[0].name, "refresher");
    assert!(format!("{:#}", others[0].result.as_ref().unwrap_err()).contains("no luck"));
    tasks.end_of("gateway", &mut others).await.unwrap();
}
