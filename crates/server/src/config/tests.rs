use std::collections::BTreeMap;

use secrecy::ExposeSecret;

use super::*;

fn environment<const N: usize>(variables: [(&str, &str); N]) -> BTreeMap<String, String> {
    layers::process_environment(variables.into_iter().map(|(name, text)| (name.into(), text.into())))
}

fn load(file: &str, variables: BTreeMap<String, String>) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("tollgate.toml");
    std::fs::write(&path, file).unwrap();
    layers::load(Some(&path), variables).map_err(|error| error.to_string())
}

#[test]
fn the_environment_wins_over_the_file_and_the_file_over_defaults() {
    let file = "listen = '0.0.0.0:1'\n[database]\nmax_connections = 3\nurl = 'postgresql://db/a'";
    let config = load(file, environment([("TOLLGATE_DATABASE__MAX_CONNECTIONS", "4")])).unwrap();
    assert_eq!(config.listen, "0.0.0.0:1");
    assert_eq!(config.database.max_connections, 4);
    assert_eq!(config.database.server_url().unwrap().expose_secret(), "postgresql://db/a");
    assert_eq!(config.data_dir, Path::new(DEFAULT_DATA_DIR));
}

#[test]
fn the_url_of_a_role_wants_a_server_and_an_empty_one_is_none() {
    let check = |file: &str| load(file, BTreeMap::new()).unwrap().check().map_err(|error| error.to_string());
    for name in ["gateway_url", "batcher_url", "admin_url"] {
        let error = check(&format!("database.{name} = 'postgresql://x:hunter2@db/a'")).unwrap_err();
        assert!(error.contains(&format!("`database.{name}`")) && !error.contains("hunter2"), "{error}");
        check(&format!("[database]\nurl = 'postgresql://db/a'\n{name} = 'postgresql://x@db/a'")).unwrap();
        check(&format!("database.{name} = ''")).unwrap();
        let variable = format!("TOLLGATE_DATABASE__{}", name.to_uppercase());
        let config = load(
            "database.url = 'postgresql://db/a'",
            environment([(&variable, "postgresql://x:hunter2@db/a")]),
        );
        let shown = config.unwrap().documented().unwrap();
        assert!(shown.contains(&format!("{name} = \"postgresql://x:…@db/a\"")), "{shown}");
    }
}

#[test]
fn an_unknown_key_of_a_file_is_named_with_what_is_near() {
    let error = load("[database]\nmax_conections = 3", BTreeMap::new()).unwrap_err();
    assert!(error.contains("`database.max_conections`"), "{error}");
    assert!(error.contains("tollgate.toml"), "{error}");
    assert!(error.contains("did you mean `database.max_connections`?"), "{error}");
}

#[test]
fn an_unknown_section_and_a_key_in_the_wrong_section_are_named() {
    let error = load("[databse]\nurl = 'x'", BTreeMap::new()).unwrap_err();
    assert!(error.contains("unknown key `databse`"), "{error}");
    let error = load("[log]\nlisten = 'x'", BTreeMap::new()).unwrap_err();
    assert!(
        error.contains("unknown key `log.listen`") && error.contains("did you mean `listen`?"),
        "{error}"
    );
}

#[test]
fn an_unknown_variable_is_named_with_what_is_near() {
    let error = load("", environment([("TOLLGATE_DATABASE__URI", "x")])).unwrap_err();
    assert!(error.contains("`TOLLGATE_DATABASE__URI` in the environment"), "{error}");
    assert!(error.contains("did you mean `TOLLGATE_DATABASE__URL`?"), "{error}");
    let error = load("", environment([("TOLLGATE_DATABASE", "x")])).unwrap_err();
    assert!(error.contains("unknown key `TOLLGATE_DATABASE`"), "{error}");
    let error = load("", environment([("TOLLGATE_DATABASE__URL__X", "x")])).unwrap_err();
    assert!(error.contains("unknown key `TOLLGATE_DATABASE__URL__X`"), "{error}");
}

#[test]
fn variables_of_others_are_left_alone() {
    let others = environment([
        ("PATH", "/bin"),
        ("TOLLGATE_CONFIG", "f.toml"),
        ("TOLLGATE_SERVICE_HOST", "10.0.0.1"),
        ("TOLLGATE_PORT_8080_TCP_ADDR", "10.0.0.1"),
    ]);
    assert!(others.is_empty(), "{others:?}");
}

#[test]
fn a_value_of_the_wrong_type_is_named_and_a_password_is_not() {
    let error = load("[database]\nmax_connections = 'many'", BTreeMap::new()).unwrap_err();
    assert!(error.contains("max_connections"), "{error}");
    let error = load("", environment([("TOLLGATE_DATABASE__MAX_CONNECTIONS", "many")])).unwrap_err();
    assert!(error.contains("TOLLGATE_DATABASE__MAX_CONNECTIONS"), "{error}");
    let error = load("\n[database]\nurl = 'postgresql://u:hunter2@db", BTreeMap::new()).unwrap_err();
    assert!(error.contains("line 3") && !error.contains("hunter2"), "{error}");
    let error = load("log = 5", BTreeMap::new()).unwrap_err();
    assert!(error.contains("`log`") && error.contains("a table") && !error.contains("LogConfig"), "{error}");
}

#[test]
fn a_value_that_makes_no_sense_is_refused_with_what_to_write() {
    let check = |file: &str| load(file, BTreeMap::new()).unwrap().check().map_err(|error| error.to_string());
    for listen in ["127.0.0.1:8080", "[::1]:0", "localhost:80", "0.0.0.0:65535"] {
        check(&format!("listen = '{listen}'")).unwrap();
    }
    for listen in ["", "foo", ":8080", "::1:8080", "127.0.0.1:65536", "http://127.0.0.1:8080", "127.0.0.1"] {
        let error = check(&format!("listen = '{listen}'")).unwrap_err();
        assert!(error.contains("`listen`") && error.contains("such as 127.0.0.1:8080"), "{listen}: {error}");
    }
    let error = check("log.filter = 'tollgate=loud'").unwrap_err();
    assert!(error.contains("`log.filter` is `tollgate=loud`") && error.contains("write a level"), "{error}");
    for url in ["", "https://t.test", "http://127.0.0.1:9080/"] {
        check(&format!("admin.public_url = '{url}'")).unwrap();
    }
    for url in ["t.test", "ftp://t.test", "https://t.test/admin", "https://t.test/?x", "https://"] {
        let error = check(&format!("admin.public_url = '{url}'")).unwrap_err();
        assert!(error.contains("`admin.public_url`") && error.contains("such as https://"), "{url}: {error}");
    }
    let error = check("analytics.batch_size = 0").unwrap_err();
    assert!(error.contains("batch_size"), "{error}");
}

#[test]
fn the_printed_configuration_reads_back_as_itself_and_explains_every_key() {
    let config = load("listen = '1.2.3.4:5'\n[log]\nformat = 'json'", BTreeMap::new()).unwrap();
    let printed = config.documented().unwrap();
    let again = load(&printed, BTreeMap::new()).unwrap_or_else(|error| panic!("{error}\n{printed}"));
    assert_eq!(again.documented().unwrap(), printed);
    assert_eq!(again.listen, "1.2.3.4:5");
    assert_eq!(again.log.format, LogFormat::Json);
    for path in keys::paths(&keys::all()) {
        assert!(
            printed.contains(&format!("# Environment: {}\n", keys::variable(&path))),
            "{path}\n{printed}"
        );
    }
    assert!(printed.contains("# Default: \"text\"\nformat = \"json\""), "{printed}");
}

#[test]
fn every_key_has_documentation() {
    fn check(keys: &BTreeMap<String, keys::Key>) {
        for (name, key) in keys {
            assert!(!key.description.is_empty(), "{name} has no doc comment");
            if let keys::Kind::Section(keys) = &key.kind {
                check(keys);
            }
        }
    }
    check(&keys::all());
}

#[test]
fn no_password_is_printed() {
    for (url, shown) in [
        ("postgresql://u:hunter2@db:5432/t?sslmode=require", "postgresql://u:…@db:5432/t?sslmode=require"),
        ("postgresql://u@db/t", "postgresql://u@db/t"),
        ("postgresql://db/t?user=u&password=hunter2&x=1", "postgresql://db/t?user=u&password=…&x=1"),
        ("postgresql://u:hunter2/slash@db/t", "postgresql://u:…@db/t"),
        ("postgresql://u:hunter2?@db/t", "postgresql://u:…@db/t"),
        ("postgresql://db/t?password=hunter2@", "postgresql://db:…@"),
        ("postgresql://u:at@hunter2@db/t", "postgresql://u:…@db/t"),
        ("host=db user=u password='hunter2 x' dbname=t", "host=db user=u password=…"),
        ("postgresql://t@/t?host=/run&port=5432", "postgresql://t@/t?host=/run&port=5432"),
        ("", ""),
    ] {
        assert_eq!(document::without_password(url), shown);
        let config = load("", environment([("TOLLGATE_DATABASE__URL", url)])).unwrap();
        assert!(!config.documented().unwrap().contains("hunter2"), "{url}");
        assert!(!format!("{config:?}").contains("hunter2"), "{url}");
    }
}

#[test]
fn a_spool_that_could_not_hold_what_is_in_flight_is_refused_with_what_to_change() {
    let config = Config::default();
    assert_eq!(config.check().map_err(|error| error.to_string()), Ok(()));
    let mut config = Config::default();
    config.spool.size_limit_bytes = 1024 * 1024;
    config.spool.reserve_bytes = 0;
    let error = config.check().unwrap_err().to_string();
    assert!(
        error.contains("gateway.max_in_flight is 4096") && error.contains("spool.reserve_bytes"),
        "{error}"
    );
    config.spool.size_limit_bytes = 1;
    let error = config.check().unwrap_err().to_string();
    assert!(error.contains("spool.size_limit_bytes is 1; it must be at least"), "{error}");
}
