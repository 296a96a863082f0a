//! Where an endpoint that is set through the API may lead: to the public internet, and to networks that the operator has opened.

use http::Method;
use serde_json::{Value, json};
use tollgate_admin::AdminConfig;
use tollgate_domain::Network;
use tollgate_store::endpoints as stored;

use crate::house::{House, Reply};

const ENDPOINTS: &str = "/admin/api/v1/endpoints";

async fn create(house: &House, key: &str, url: &str) -> Reply {
    house.post(key, ENDPOINTS, &json!({ "name": format!("at {url}"), "base_url": url })).await
}

/// That this URL is refused with these words, both for a new endpoint and for one that is there, and that nothing is changed.
async fn refused(url: &str, words: &[&str]) {
    let house = House::open().await;
    refused_in(&house, &[(url, words)]).await;
}

async fn refused_in(house: &House, cases: &[(&str, &[&str])]) {
    let manager = house.manager().await;
    let there = create(house, &manager.key, "https://there.test").await.ok();
    let path = format!("{ENDPOINTS}/{}", there["id"].as_str().unwrap());
    for (url, words) in cases {
        let new = create(house, &manager.key, url).await;
        let moved = house.write(Method::PATCH, &manager.key, &path, &json!({ "base_url": url })).await;
        for reply in [new, moved] {
            assert_eq!(reply.problem(), (422, "invalid".to_owned()), "{url}");
            let detail = reply.json()["detail"].as_str().unwrap().to_owned();
            for word in *words {
                assert!(detail.contains(word), "{url}: {detail}");
            }
        }
    }
    let all = house.get(&manager.key, ENDPOINTS).await.ok();
    assert_eq!(all["data"], json!([there]));
}

async fn opened(networks: &[&str]) -> House {
    let networks: Vec<Network> = networks.iter().map(|text| text.parse().unwrap()).collect();
    House::open_with(AdminConfig { allowed_networks: networks.into(), ..AdminConfig::default() }).await
}

#[tokio::test]
async fn an_address_in_decimal_octal_or_hexadecimal_is_the_address_it_is() {
    let house = House::open().await;
    let loopback: &[&str] = &["127.0.0.1 is a loopback address", "admin.allowed_networks"];
    refused_in(
        &house,
        &[
            ("http://127.0.0.1", loopback),
            ("http://2130706433/v1", loopback),
            ("http://2130706433:8080", loopback),
            ("http://0x7f000001", loopback),
            ("http://0x7f.0.0.1", loopback),
            ("http://0177.0.0.1", loopback),
            ("http://017700000001", loopback),
            ("http://127.1", loopback),
            ("http://127.0.0.1.", loopback),
            ("http://0", &["unspecified"]),
            ("http://0x0a010203", &["10.1.2.3 is a private address"]),
            // Public, and yet: who reads it decides what it is.
            ("http://134744072", &["uncommon spelling", "write `8.8.8.8`"]),
            ("http://010.8.8.8", &["uncommon spelling", "write `8.8.8.8`"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn an_ipv4_address_mapped_into_ipv6_is_judged_as_itself() {
    let house = House::open().await;
    let loopback: &[&str] = &["stands for 127.0.0.1, which is a loopback address"];
    refused_in(
        &house,
        &[
            ("http://[::ffff:127.0.0.1]", loopback),
            ("http://[::ffff:7f00:1]:8080/v1", loopback),
            ("http://[0:0:0:0:0:ffff:127.0.0.1]", loopback),
            ("http://[::127.0.0.1]", loopback),
            ("http://[64:ff9b::127.0.0.1]", loopback),
            ("http://mapped.test", loopback),
            ("http://[::1]", &["::1 is a loopback address"]),
            ("http://[::]", &["unspecified"]),
            ("http://[fd12::1]", &["unique local"]),
            ("http://[ff02::1]", &["multicast"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn the_metadata_service_of_a_cloud_is_refused() {
    let house = House::open().await;
    refused_in(
        &house,
        &[
            ("http://169.254.169.254/latest/meta-data", &["169.254.169.254", "metadata"]),
            ("http://2852039166", &["169.254.169.254", "metadata"]),
            ("http://[::ffff:a9fe:a9fe]", &["169.254.169.254", "metadata"]),
            ("http://[fd00:ec2::254]", &["metadata"]),
            ("http://metadata.test", &["metadata.test", "169.254.169.254", "metadata"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn a_link_local_address_is_refused() {
    refused("http://169.254.1.1", &["169.254.1.1 is a link-local address"]).await;
    refused("http://[fe80::1]", &["fe80::1 is a link-local address"]).await;
}

#[tokio::test]
async fn a_name_is_what_it_leads_to_and_every_address_of_it_counts() {
    let house = House::open().await;
    let loopback: &[&str] = &["127.0.0.1 is a loopback address"];
    refused_in(
        &house,
        &[
            ("http://localhost", loopback),
            ("http://LocalHost.:8080", loopback),
            ("http://api.localhost", loopback),
            ("http://loopback.test", loopback),
            ("http://LOOPBACK.test.", loopback),
            ("http://both.test", &["`both.test`", "10.1.2.3 is a private address"]),
            ("http://no-such-name.invalid", &["no address that could be found"]),
            ("http://100.64.0.1", &["CGNAT"]),
            ("http://192.168.0.1", &["private"]),
        ],
    )
    .await;
}

#[tokio::test]
async fn what_is_no_plain_url_of_http_is_refused() {
    let house = House::open().await;
    refused_in(
        &house,
        &[
            ("ftp://up.test", &["http"]),
            ("file:///etc/passwd", &[]),
            ("gopher://up.test", &["http"]),
            ("up.test", &[]),
            ("http://", &[]),
            ("http://user@up.test", &["user name or password"]),
            ("http://up.test@127.0.0.1", &["user name or password"]),
            ("http://up.test\\@127.0.0.1", &[]),
            ("http://up.test#@127.0.0.1", &[]),
            ("http://%31%32%37.0.0.1", &[]),
        ],
    )
    .await;
}

#[tokio::test]
async fn networks_that_the_operator_has_opened_are_let_through_and_no_others() {
    let house = opened(&["10.0.0.0/8", "fd12:3456::/32"]).await;
    let key = house.manager().await.key;
    for url in [
        "http://10.1.2.3:8000/v1",
        "http://house.test",
        "http://[fd12:3456::1]",
        "http://both.test",
        "http://up.test",
    ] {
        let made = create(&house, &key, url).await.ok();
        // Gateways hold to it too.
        assert_eq!((&made["base_url"], &made["public_only"]), (&json!(url), &json!(true)));
    }
    for url in ["http://127.0.0.1", "http://[fd12:3457::1]", "http://192.168.0.1", "http://metadata.test"] {
        assert_eq!(create(&house, &key, url).await.problem().0, 422, "{url}");
    }
}

#[tokio::test]
async fn who_sets_the_url_decides_where_it_may_lead_and_nobody_says_so_in_a_body() {
    let house = House::open().await;
    let key = house.manager().await.key;
    // As the command line does.
    let own = stored::NewEndpoint::new("own", "http://127.0.0.1:8000");
    let own = async |tx| stored::create(&tx, &house.master, &own, "cli").await;
    let own = house.store.tx("endpoint", own).await.unwrap();
    let path = format!("{ENDPOINTS}/{}", own.id);
    let change = async |body: Value| house.write(Method::PATCH, &key, &path, &body).await;
    let kept = change(json!({ "inject_usage": false })).await.ok();
    assert_eq!((&kept["public_only"], &kept["base_url"]), (&json!(false), &json!("http://127.0.0.1:8000")));
    assert_eq!(change(json!({ "public_only": false })).await.problem().0, 422);
    let new = json!({ "name": "new", "base_url": "http://up.test", "public_only": false });
    assert_eq!(house.post(&key, ENDPOINTS, &new).await.problem().0, 422);
    let moved = change(json!({ "base_url": "http://up.test" })).await.ok();
    assert_eq!(moved["public_only"], true);
    assert_eq!(change(json!({ "base_url": "http://127.0.0.1:8000" })).await.problem().0, 422);
    let rows = house.rows("select public_only, base_url from inference_endpoints").await;
    assert_eq!(rows, [json!({ "public_only": true, "base_url": "http://up.test" })]);
}
