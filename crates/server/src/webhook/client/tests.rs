use super::*;

#[test]
fn only_addresses_of_the_web_without_credentials_are_taken() {
    for url in ["https://example.com/hooks", "http://127.0.0.1:8080", "https://example.com/a?b=c"] {
        assert!(parse_url(url).is_ok(), "{url}");
    }
    for (url, said) in [
        ("file:///etc/passwd", "is no URL"),
        ("http://", "write it like https://example.com/hooks"),
        ("example.com/hooks", "write it like https://example.com/hooks"),
        ("ftp://example.com/x", "no address of a webhook"),
        ("/hooks", "no address of a webhook"),
        ("example.com", "no address of a webhook"),
        ("https://ada:secret@example.com/", "no user name or password"),
        ("https://exa mple.com/", "is no URL"),
    ] {
        let error = format!("{:#}", parse_url(url).unwrap_err());
        assert!(error.contains(said), "{url}: {error}");
    }
}
