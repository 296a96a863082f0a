use super::{NewEndpoint, check};

#[test]
fn a_base_url_is_a_scheme_and_a_host_and_perhaps_a_path() {
    for (url, stored) in [
        ("https://api.openai.com/", "https://api.openai.com"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("https://example.com/proxy//", "https://example.com/proxy"),
    ] {
        assert_eq!(check(&NewEndpoint::new("up", url)).unwrap(), stored);
    }
    for url in
        ["", "api.openai.com", "ftp://host", "https://", "https:///path", "https://host/?a=b", "https://h o"]
    {
        let error = check(&NewEndpoint::new("up", url)).unwrap_err().to_string();
        assert!(error.contains("is no base URL"), "{url}: {error}");
    }
}

#[test]
fn a_password_in_a_url_is_refused_and_not_repeated() {
    let error = check(&NewEndpoint::new("up", "https://user:hunter2@host")).unwrap_err().to_string();
    assert!(!error.contains("hunter2"), "{error}");
}

#[test]
fn paths_start_with_a_slash() {
    let mut new = NewEndpoint::new("up", "https://host");
    new.pass_through_paths = vec!["v1/images".to_owned()];
    assert!(check(&new).unwrap_err().to_string().contains("must start with /"));
}
