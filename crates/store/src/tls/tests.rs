use super::{from_url, split};

#[test]
fn tls_parameters_leave_the_url_and_the_others_stay() {
    let (rest, mode, root) = split(
        "postgres://u:p@h/db?host=%2Frun&sslmode=require&sslrootcert=%2Fetc%2Fca.pem&connect_timeout=3",
    );
    assert_eq!(rest, "postgres://u:p@h/db?host=%2Frun&connect_timeout=3");
    assert_eq!((mode.as_deref(), root.as_deref()), (Some("require"), Some("/etc/ca.pem")));
    assert_eq!(split("host=/run user=u sslmode=disable").0, "host=/run user=u");
}

#[test]
fn the_url_decides_whether_there_is_tls() {
    for (url, tls) in [
        ("postgres://h/db", false),
        ("postgres://h/db?sslmode=disable", false),
        ("postgres://h/db?sslmode=require", true),
        ("host=h dbname=db sslmode=verify-full", true),
    ] {
        let (rest, connector) = from_url(url).unwrap();
        assert_eq!(connector.is_some(), tls, "{url}");
        rest.parse::<tokio_postgres::Config>().unwrap();
    }
    let error = from_url("postgres://h/db?sslmode=maybe").err().unwrap();
    assert!(error.to_string().contains("maybe"), "{error}");
}

#[test]
fn a_root_file_that_is_not_there_is_named() {
    let error = from_url("postgres://h/db?sslmode=require&sslrootcert=/no/such.pem").err().unwrap();
    assert!(error.to_string().contains("/no/such.pem"), "{error}");
}
