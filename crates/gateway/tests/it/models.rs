//! Lists of models, in the shape of whoever asks.

use http::{Request, StatusCode};
use http_body_util::Full;
use insta::assert_snapshot;

use crate::house::{ALICE, BROKE, House, PLATFORM, Reply};

async fn get(house: &House, path: &str, headers: &[(&str, &str)]) -> Reply {
    let mut request = Request::get(house.url(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    house.send(request.body(Full::default()).unwrap()).await
}

#[tokio::test]
async fn live_aliases_are_listed_in_three_shapes() {
    let house = House::open().await;
    let bearer = format!("Bearer {BROKE}");
    let open_ai = get(&house, "/v1/models", &[("authorization", &bearer)]).await;
    assert_snapshot!(open_ai.text(), @r#"{"data":[{"created":1767225600,"id":"chat","object":"model","owned_by":"scripted"},{"created":1767225600,"id":"free","object":"model","owned_by":"scripted"},{"created":1767225600,"id":"unpriced","object":"model","owned_by":"scripted"}],"object":"list"}"#);
    let headers = [("x-api-key", ALICE), ("anthropic-version", "2023-06-01")];
    assert_snapshot!(get(&house, "/v1/models", &headers).await.text(), @r#"{"data":[{"created_at":"2026-01-01T00:00:00Z","display_name":"chat","id":"chat","type":"model"},{"created_at":"2026-01-01T00:00:00Z","display_name":"free","id":"free","type":"model"},{"created_at":"2026-01-01T00:00:00Z","display_name":"unpriced","id":"unpriced","type":"model"}],"first_id":"chat","has_more":false,"last_id":"unpriced"}"#);
    assert_snapshot!(get(&house, &format!("/v1beta/models?key={ALICE}"), &[]).await.text(), @r#"{"models":[{"displayName":"chat","name":"models/chat","supportedGenerationMethods":["generateContent","streamGenerateContent"]},{"displayName":"free","name":"models/free","supportedGenerationMethods":["generateContent","streamGenerateContent"]},{"displayName":"unpriced","name":"models/unpriced","supportedGenerationMethods":["generateContent","streamGenerateContent"]}]}"#);
    assert_eq!(house.sink.all(), [], "a list is not a request to a model");
    assert_eq!(house.metric(r#"tollgate_gateway_requests_total{outcome="models_listed"}"#), Some(3));
}

#[tokio::test]
async fn one_model_is_found_by_its_alias() {
    let house = House::open().await;
    let key = [("x-api-key", ALICE)];
    assert_snapshot!(get(&house, "/v1/models/chat", &key).await.text(), @r#"{"created":1767225600,"id":"chat","object":"model","owned_by":"scripted"}"#);
    assert_snapshot!(get(&house, "/v1beta/models/chat", &key).await.text(), @r#"{"displayName":"chat","name":"models/chat","supportedGenerationMethods":["generateContent","streamGenerateContent"]}"#);
    assert_snapshot!(get(&house, "/v1/models/upstream-chat", &key).await.text(), @r#"{"error":{"code":"model_not_found","message":"The model `upstream-chat` does not exist here. `GET /v1/models` lists those that do.","param":null,"type":"invalid_request_error"}}"#);
}

#[tokio::test]
async fn a_list_wants_a_key_that_is_not_the_platforms() {
    let house = House::open().await;
    assert_eq!(get(&house, "/v1/models", &[]).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(get(&house, "/v1/models", &[("api-key", PLATFORM)]).await.status, StatusCode::FORBIDDEN);
    let headers = [("x-api-key", "tg-nobody"), ("anthropic-version", "2023-06-01")];
    assert_snapshot!(get(&house, "/v1/models", &headers).await.text(), @r#"{"error":{"message":"The API key is not valid: it does not exist or has been revoked.","type":"authentication_error"},"type":"error"}"#);
}
