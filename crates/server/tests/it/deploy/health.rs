//! `tollgate health`, by which an image without a shell is watched.

use serde_json::json;
use tollgate_server::{App, SystemClock};

use crate::harness::Place;

#[tokio::test(flavor = "multi_thread")]
async fn health_is_the_answer_of_the_server_beside_it_on_every_interface_and_fails_without_one() {
    let place = Place::with_database().await;
    let refused = place.cli_fails("health").await;
    assert!(refused.contains("no server serves"), "{refused}");
    assert!(!place.data_dir().exists(), "a look makes nothing");

    let mut config = place.config();
    config.listen = "0.0.0.0:0".to_owned();
    let app = App::start(config, std::sync::Arc::new(SystemClock)).await.unwrap();
    assert_eq!(place.cli("health").await["status"], json!("alive"));
    assert_eq!(place.cli("health --ready").await["ready"], json!(true));
    app.stop().await.unwrap();
    place.cli_fails("health").await;
}
