use super::*;

fn hosts(url: &str) -> Vec<Config> {
    Connector::new(&StoreConfig::new(url)).unwrap().hosts
}

#[test]
fn several_hosts_become_one_connection_each_that_must_take_writes() {
    let found = hosts("postgres://ada:secret@one:5433,two:5434/books?options=-c%20work_mem%3D1MB");
    let names: Vec<_> =
        found.iter().map(|config| (config.get_hosts().to_vec(), config.get_ports().to_vec())).collect();
    let expected =
        [("one", 5433), ("two", 5434)].map(|(name, port)| (vec![Host::Tcp(name.to_owned())], vec![port]));
    assert_eq!(names, expected);
    for config in &found {
        assert_eq!(config.get_target_session_attrs(), TargetSessionAttrs::ReadWrite);
        assert_eq!(config.get_user(), Some("ada"));
        assert_eq!(config.get_password(), Some(b"secret".as_slice()));
        assert_eq!(config.get_dbname(), Some("books"));
        assert_eq!(config.get_options(), Some("-c work_mem=1MB"));
        assert_eq!(config.get_application_name(), Some("tollgate"));
        assert_eq!(config.get_tcp_user_timeout(), Some(&TCP_USER_TIMEOUT));
        assert_eq!(config.get_keepalives_idle(), KEEPALIVE_IDLE);
        assert_eq!(config.get_keepalives_retries(), Some(KEEPALIVE_RETRIES));
    }
}

#[test]
fn sockets_share_a_port_and_a_stated_session_kind_stays() {
    let found = hosts("host=/run/a,/run/b port=5432 user=ada dbname=books target_session_attrs=read-only");
    let paths: Vec<_> = found.iter().flat_map(Config::get_hosts).cloned().collect();
    assert_eq!(paths, ["/run/a", "/run/b"].map(|path| Host::Unix(path.into())));
    assert!(found.iter().all(|config| config.get_ports() == [5432]));
    assert!(found.iter().all(|config| config.get_target_session_attrs() == TargetSessionAttrs::ReadOnly));
}

#[test]
fn one_host_may_be_read_only_and_keeps_the_settings_as_they_are() {
    let found = hosts("postgres://ada@one/books");
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].get_target_session_attrs(), TargetSessionAttrs::Any);
    assert_eq!(
        Connector::new(&StoreConfig::new("postgres://a@x,y,z/b")).unwrap().patience(),
        CONNECT_TIMEOUT * 3
    );
}

#[test]
fn the_servers_limits_are_added_to_the_options_of_the_url() {
    let [config] = hosts("postgres://ada@one/books?options=-c%20work_mem%3D1MB").try_into().unwrap();
    for (plans, expected) in [(Plans::Once, "force_generic_plan"), (Plans::Auto, "auto")] {
        let options = bounded(&config, plans).get_options().unwrap().to_owned();
        assert!(options.starts_with("-c work_mem=1MB -c statement_timeout=30000"), "{options}");
        assert!(options.ends_with(&format!("-c plan_cache_mode={expected}")), "{options}");
    }
}
