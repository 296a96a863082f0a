use super::OidcConfig;

fn config(issuer: &str, client_id: &str) -> OidcConfig {
    OidcConfig { issuer: issuer.to_owned(), client_id: client_id.to_owned(), ..OidcConfig::default() }
}

#[test]
fn an_issuer_is_https_or_on_this_machine() {
    for issuer in [
        "https://login.example.com",
        "https://login.example.com/realms/staff/",
        "http://127.0.0.1:9000",
        "http://localhost:9000/op",
        "http://[::1]:9000",
    ] {
        assert_eq!(config(issuer, "tollgate").check(), Ok(()), "{issuer}");
    }
    for issuer in [
        "http://login.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "ftp://login.example.com",
        "https://user:secret@login.example.com",
        "https://login.example.com?tenant=1",
        "https://login.example.com#x",
        "login.example.com",
        "https://",
    ] {
        let refused = config(issuer, "tollgate").check().unwrap_err();
        assert!(refused.contains("admin.oidc.issuer"), "{issuer}: {refused}");
    }
}

#[test]
fn half_a_configuration_is_refused_and_none_is_good() {
    assert_eq!(OidcConfig::default().check(), Ok(()));
    assert!(config("https://login.example.com", "").check().unwrap_err().contains("client_id"));
    assert!(config("", "tollgate").check().unwrap_err().contains("issuer"));
}

#[test]
fn the_button_says_the_name_or_the_host() {
    let mut config = config("https://login.example.com/realms/staff", "tollgate");
    assert_eq!(config.display_name(), "login.example.com");
    config.name = "the company".to_owned();
    assert_eq!(config.display_name(), "the company");
}
