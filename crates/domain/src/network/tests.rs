use std::net::IpAddr;

use super::{AllowedNetworks, Network};

fn refused(address: &str) -> Option<String> {
    let address: IpAddr = address.parse().unwrap();
    AllowedNetworks::default().judge(address).err().map(|refused| refused.to_string())
}

#[test]
fn what_is_not_the_public_internet_is_refused_and_said_to_be_what_it_is() {
    for (address, what) in [
        ("127.0.0.1", "loopback"),
        ("127.255.255.255", "loopback"),
        ("::1", "loopback"),
        ("10.0.0.1", "private"),
        ("172.16.0.0", "private"),
        ("172.31.255.255", "private"),
        ("192.168.1.1", "private"),
        ("169.254.0.1", "link-local"),
        ("fe80::1", "link-local"),
        ("febf::1", "link-local"),
        ("fc00::1", "unique local"),
        ("fdff::1", "unique local"),
        ("169.254.169.254", "metadata"),
        ("fd00:ec2::254", "metadata"),
        ("168.63.129.16", "metadata"),
        ("100.100.100.200", "metadata"),
        ("0.0.0.0", "unspecified"),
        ("::", "unspecified"),
        ("0.1.2.3", "this network"),
        ("100.64.0.1", "CGNAT"),
        ("100.127.255.255", "CGNAT"),
        ("224.0.0.1", "multicast"),
        ("239.255.255.255", "multicast"),
        ("ff02::1", "multicast"),
        ("255.255.255.255", "reserved"),
        ("192.0.0.192", "reserved"),
        ("192.0.2.1", "documentation"),
        ("198.19.255.255", "benchmarks"),
        ("2001:db8::1", "documentation"),
        ("2002:7f00:1::", "6to4"),
        ("2001:0:7f00:1::", "tunnel"),
        ("64:ff9b:1::1", "NAT64"),
        ("fec0::1", "private"),
        ("4000::1", "reserved"),
        ("::ffff:0:7f00:1", "reserved"),
    ] {
        let said = refused(address).unwrap_or_else(|| panic!("{address} is let through"));
        assert!(said.contains(what), "{address}: {said}");
    }
}

#[test]
fn an_ipv4_address_within_an_ipv6_one_is_judged_as_itself() {
    for address in
        ["::ffff:127.0.0.1", "::ffff:7f00:1", "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::7f00:1"]
    {
        let said = refused(address).unwrap();
        assert!(said.contains("stands for 127.0.0.1, which is a loopback address"), "{address}: {said}");
    }
    for address in ["::ffff:8.8.8.8", "64:ff9b::808:808"] {
        assert_eq!(refused(address), None, "{address}");
    }
}

#[test]
fn neighbours_of_what_is_refused_are_public() {
    for address in [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.0",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.167.255.255",
        "192.169.0.0",
        "223.255.255.255",
        "2606:4700::1111",
        "2001:4860:4860::8888",
        "2001:200::1",
        "3ffe::1",
    ] {
        assert_eq!(refused(address), None, "{address}");
    }
}

#[test]
fn a_network_that_the_operator_opened_is_let_through_and_nothing_beside_it() {
    let networks: Vec<Network> =
        ["10.0.0.0/8", "fd12:3456::/32", "127.0.0.1/32"].map(|text| text.parse().unwrap()).into();
    let allowed = AllowedNetworks::from(networks);
    let is_allowed = |address: &str| allowed.judge(address.parse().unwrap()).is_ok();
    for address in ["10.0.0.0", "10.255.255.255", "::ffff:10.1.2.3", "fd12:3456:7::1", "127.0.0.1", "8.8.8.8"]
    {
        assert!(is_allowed(address), "{address}");
    }
    for address in ["127.0.0.2", "192.168.0.1", "fd12:3457::1", "::1", "169.254.169.254"] {
        assert!(!is_allowed(address), "{address}");
    }
    let everything = AllowedNetworks::from(vec!["0.0.0.0/0".parse().unwrap()]);
    assert!(everything.judge("127.0.0.1".parse().unwrap()).is_ok());
    assert!(everything.judge("::1".parse().unwrap()).is_err());
}

#[test]
fn what_is_no_network_is_refused() {
    for text in [
        "",
        "10.0.0.0",
        "10.0.0.0/",
        "10.0.0.0/33",
        "10.0.0.0/-1",
        "10.0.0.0/+8",
        "10.0.0.1/8",
        "10.0.0/8",
        "localhost/8",
        "fd12::/129",
        "fd12::1/64",
        "::ffff:10.0.0.0/104",
        "0x0a.0.0.0/8",
        " 10.0.0.0/8",
        "10.0.0.0/8/8",
    ] {
        let error = text.parse::<Network>().unwrap_err().to_string();
        assert!(error.contains("such as 10.0.0.0/8"), "{text}: {error}");
    }
    for text in ["10.0.0.0/8", "0.0.0.0/0", "::/0", "fd12:3456::/32", "127.0.0.1/32", "::1/128"] {
        assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
    }
}
