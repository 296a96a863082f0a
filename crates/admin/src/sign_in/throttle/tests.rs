use http::HeaderValue;

use super::*;

fn counted(is_behind_tls: bool, peer: &str, forwarded: &[&'static str]) -> String {
    let mut headers = HeaderMap::new();
    for value in forwarded {
        headers.append("x-forwarded-for", HeaderValue::from_static(value));
    }
    client_address(is_behind_tls, peer.parse().unwrap(), &headers).to_string()
}

#[test]
fn a_client_cannot_choose_the_address_that_it_is_counted_by() {
    // Nobody stands in front: the header is the client's own.
    assert_eq!(counted(false, "192.0.2.1", &["198.51.100.7"]), "192.0.2.1");
    // What stands in front adds the last one; those before it are the client's own.
    assert_eq!(counted(true, "127.0.0.1", &["10.1.1.1, 198.51.100.7"]), "198.51.100.7");
    assert_eq!(counted(true, "127.0.0.1", &["10.1.1.1", "10.1.1.2, 198.51.100.7"]), "198.51.100.7");
    assert_eq!(counted(true, "127.0.0.1", &["nonsense"]), "127.0.0.1");
    assert_eq!(counted(true, "127.0.0.1", &[]), "127.0.0.1");
}

#[test]
fn the_addresses_of_one_client_count_as_one() {
    assert_eq!(counted(false, "2001:db8:1:2:3:4:5:6", &[]), counted(false, "2001:db8:1:2:ffff::1", &[]));
    assert_ne!(counted(false, "2001:db8:1:2::1", &[]), counted(false, "2001:db8:1:3::1", &[]));
    assert_eq!(counted(false, "::ffff:192.0.2.1", &[]), "192.0.2.1");
}
