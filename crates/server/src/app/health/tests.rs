use super::*;

fn operations(is_sound: bool, has_room: bool) -> Operations {
    let health = Arc::new(Health::new());
    let mut registry = Registry::default();
    registry.register_collector(Box::new(SnapshotAge(Arc::clone(&health))));
    registry.register_collector(Box::new(AliveTasks(Handle::current(), None)));
    Operations {
        health,
        registry: Arc::new(registry),
        spool: Arc::new(move || SpoolState { is_sound, has_room }),
    }
}

#[tokio::test]
async fn a_server_is_ready_with_a_snapshot_and_a_living_batcher() {
    let operations = operations(true, true);
    let status = async || readyz(State(operations.clone())).await.0;
    assert_eq!(status().await, StatusCode::SERVICE_UNAVAILABLE, "nothing is known yet");
    operations.health.refreshed();
    assert_eq!(status().await, StatusCode::SERVICE_UNAVAILABLE, "nobody bills");
    let alive = operations.health.batcher_alive();
    assert_eq!(status().await, StatusCode::OK);
    drop(alive);
    assert_eq!(status().await, StatusCode::SERVICE_UNAVAILABLE, "the batcher died");
}

#[tokio::test]
async fn without_its_database_a_server_is_ready_for_as_long_as_its_spool_takes_requests() {
    let states = [
        (true, true, StatusCode::OK),
        (true, false, StatusCode::SERVICE_UNAVAILABLE),
        (false, true, StatusCode::SERVICE_UNAVAILABLE),
    ];
    for (is_sound, has_room, expected) in states {
        let mut operations = operations(is_sound, has_room);
        let mut health = Health::new();
        health.started = Instant::now().checked_sub(RECENTLY * 2).unwrap();
        health.refreshed_after_ms = AtomicU64::new(0);
        operations.health = Arc::new(health);
        let _alive = operations.health.batcher_alive();
        assert_eq!(readyz(State(operations.clone())).await.0, expected);
    }
}

#[tokio::test]
async fn the_metrics_are_open_metrics_and_tell_the_age_of_the_snapshot_and_how_many_tasks_there_are() {
    let task = tokio::spawn(std::future::pending::<()>());
    let operations = operations(true, true);
    operations.health.refreshed();
    let response = metrics(State(operations)).await;
    assert!(
        response.headers()[header::CONTENT_TYPE]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    let body = axum::body::to_bytes(response.into_body(), usize::MAX).await.unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert!(text.contains("# TYPE tollgate_snapshot_age_seconds gauge"), "{text}");
    assert!(text.contains("tollgate_runtime_alive_tasks 1\n"), "{text}");
    task.abort();
    assert!(text.ends_with("# EOF\n"), "{text}");
}
