//! Claims about settings.

use super::*;

#[test]
fn the_defaults_serve() {
    assert_eq!(GatewayConfig::default().validate(), Ok(()));
}

#[test]
fn a_zero_that_would_refuse_everything_is_named() {
    let config = GatewayConfig { max_in_flight: 0, ..GatewayConfig::default() };
    assert!(config.validate().unwrap_err().to_string().contains("`gateway.max_in_flight`"));
}

#[test]
fn an_unknown_setting_is_refused_by_name() {
    let error = serde_json::from_str::<GatewayConfig>(r#"{"max_bodies": 1}"#).unwrap_err();
    assert!(error.to_string().contains("max_bodies"), "{error}");
}

#[test]
fn settings_are_documented() {
    let schema = serde_json::to_value(schemars::schema_for!(GatewayConfig)).unwrap();
    for (name, property) in schema["properties"].as_object().unwrap() {
        assert!(property["description"].is_string(), "{name}");
    }
}
