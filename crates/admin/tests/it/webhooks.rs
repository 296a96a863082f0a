//! Webhooks: who sets them, where they may lead, and what is told of them. That messages come, signed and in order, and that a sender judges where it
//! connects, is shown where servers are tested.

use std::sync::{Arc, Mutex};

use http::Method;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tollgate_admin::{AdminConfig, WebhookToTry, WebhookTried, WebhookTry};
use tollgate_domain::{ApiKeyPurpose, Network, WebhookId};
use tollgate_store::Tx;
use tollgate_store::webhooks;

use crate::house::{House, Tenant};

const WEBHOOKS: &str = "/admin/api/v1/webhooks";
const DELIVERIES: &str = "/admin/api/v1/webhook-deliveries";

async fn make(house: &House, manager: &Tenant, body: &Value) -> Value {
    house.post(&manager.key, WEBHOOKS, body).await.ok()
}

#[tokio::test]
async fn a_webhooks_secret_is_shown_once_and_is_what_its_messages_are_signed_with() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let of_all = make(&house, &manager, &json!({ "url": "https://up.test/hooks?a=b" })).await;
    let of_ada =
        make(&house, &manager, &json!({ "url": "https://up.test/ada", "user_id": ada.id.to_string() })).await;
    assert_eq!((&of_all["user_id"], &of_all["public_only"]), (&Value::Null, &json!(true)));
    assert_eq!((&of_ada["user"], &of_ada["user_id"]), (&json!("ada"), &json!(ada.id)));
    let secret = of_all["secret"].as_str().unwrap().to_owned();
    assert!(secret.starts_with("whsec_") && secret != of_ada["secret"], "{secret}");

    let id: WebhookId = of_all["id"].as_str().unwrap().parse().unwrap();
    let stored = house.store.tx("find", async |tx: Tx| webhooks::find(&tx, id).await).await.unwrap();
    assert_eq!(stored.secret(&house.master).unwrap().expose_secret(), secret);
    let listed = house.get(&manager.key, WEBHOOKS).await.ok();
    let mut shown = of_all.clone();
    shown.as_object_mut().unwrap().remove("secret");
    assert_eq!(listed["data"][0], shown);
    assert_eq!(listed["data"].as_array().unwrap().len(), 2);
    let log = house.all(&manager.key, "/admin/api/v1/audit-log?action=webhook.add", 50).await;
    assert_eq!(log.len(), 2);
    for answer in [listed.to_string(), json!(log).to_string()] {
        assert!(!answer.contains("whsec_"), "{answer}");
    }
    let path = format!("{WEBHOOKS}/{}", of_all["id"].as_str().unwrap());
    assert_eq!(house.write(Method::DELETE, &manager.key, &path, &Value::Null).await.ok(), shown);
    assert_eq!(house.write(Method::DELETE, &manager.key, &path, &Value::Null).await.problem().0, 404);
    assert_eq!(house.get(&manager.key, WEBHOOKS).await.ok()["data"].as_array().unwrap().len(), 1);
    let nobody = json!({ "url": "https://up.test/", "user_id": "00000000-0000-4000-8000-000000000000" });
    assert_eq!(house.post(&manager.key, WEBHOOKS, &nobody).await.problem().0, 404);
}

#[tokio::test]
async fn a_webhook_leads_to_no_address_that_an_endpoint_may_not_lead_to() {
    let networks: Vec<Network> = vec!["10.1.0.0/16".parse().unwrap()];
    let house =
        House::open_with(AdminConfig { allowed_networks: networks.into(), ..AdminConfig::default() }).await;
    let manager = house.manager().await;
    for url in [
        "http://127.0.0.1/",
        "http://localhost:8080/hooks",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]/",
        "http://[::ffff:169.254.169.254]/latest/meta-data",
        "http://169.254.169.254/latest/meta-data",
        "http://10.2.0.1/",
        "http://192.168.0.1/",
        "ftp://up.test/",
        "file:///etc/passwd",
        "https://ada:secret@up.test/",
        "up.test/hooks",
        "",
    ] {
        let reply = house.post(&manager.key, WEBHOOKS, &json!({ "url": url })).await;
        assert_eq!(reply.problem(), (422, "invalid".to_owned()), "{url}");
        let detail = reply.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("webhook") && !detail.contains("endpoint"), "{detail}");
        assert!(!detail.contains("secret"), "{detail}");
    }
    assert_eq!(house.rows("select 1 from webhooks").await.len(), 0);
    make(&house, &manager, &json!({ "url": "http://10.1.2.3:9000/hooks" })).await;
    let said = json!({ "url": "https://up.test/", "public_only": false });
    assert_eq!(house.post(&manager.key, WEBHOOKS, &said).await.problem().0, 422);
}

#[tokio::test]
async fn a_test_is_sent_with_the_webhooks_own_secret_so_often_in_a_minute_and_no_more() {
    let house = House::open().await;
    let manager = house.manager().await;
    let made = make(&house, &manager, &json!({ "url": "https://up.test/hooks" })).await;
    let path = format!("{WEBHOOKS}/{}/test", made["id"].as_str().unwrap());
    let send = async |path: &str| house.post(&manager.key, path, &Value::Null).await;
    assert_eq!(send(&path).await.problem(), (409, "conflict".to_owned()));
    let sent: Arc<Mutex<Vec<WebhookToTry>>> = Arc::default();
    let kept = Arc::clone(&sent);
    let sender: WebhookTry = Arc::new(move |webhook| {
        let mut kept = kept.lock().unwrap();
        kept.push(webhook);
        let is_first = kept.len() == 1;
        let tried = WebhookTried {
            message_id: "msg_1".to_owned(),
            status: Some(if is_first { 200 } else { 500 }),
            error: (!is_first).then(|| "it answered 500".to_owned()),
        };
        Box::pin(async move { tried })
    });
    house.admin.try_webhooks_by(sender);
    let taken = json!({ "message_id": "msg_1", "delivered": true, "status": 200, "error": null });
    assert_eq!(send(&path).await.ok(), taken);
    let refused =
        json!({ "message_id": "msg_1", "delivered": false, "status": 500, "error": "it answered 500" });
    assert_eq!(send(&path).await.ok(), refused);
    {
        let sent = sent.lock().unwrap();
        assert_eq!((sent[0].url.as_str(), sent[0].public_only), ("https://up.test/hooks", true));
        assert_eq!(sent[0].secret.expose_secret(), made["secret"].as_str().unwrap());
    }
    let nowhere = format!("{WEBHOOKS}/00000000-0000-4000-8000-000000000000/test");
    assert_eq!(send(&nowhere).await.problem().0, 404);
    for _ in 2..20 {
        send(&path).await.ok();
    }
    assert_eq!(send(&path).await.problem(), (429, "too_many_checks".to_owned()));
    assert_eq!(sent.lock().unwrap().len(), 20);
}

#[tokio::test]
async fn what_is_owed_is_listed_in_pages_by_webhook_and_by_what_became_of_it() {
    let house = House::open().await;
    let manager = house.manager().await;
    let ada = house.tenant("ada", ApiKeyPurpose::Realtime, None).await;
    let first = make(&house, &manager, &json!({ "url": "https://up.test/1" })).await;
    let second =
        make(&house, &manager, &json!({ "url": "https://up.test/2", "user_id": ada.id.to_string() })).await;
    // Refilled, thrice low and refilled again: each is told to both.
    let low = format!("/admin/api/v1/users/{}/low-balance", ada.id);
    let line = json!({ "low_balance": "5" });
    assert_eq!(house.write(Method::PUT, &manager.key, &low, &line).await.ok(), line);
    for (source, kind, amount) in [
        ("a", "admin_grant", "10"),
        ("b", "admin_removal", "6"),
        ("c", "admin_grant", "6"),
        ("d", "admin_removal", "6"),
    ] {
        let credits = format!("/admin/api/v1/users/{}/credits", ada.id);
        let entry = json!({ "type": kind, "amount": amount, "reason": "a test" });
        let key = [("idempotency-key", source)];
        house.write_with(Method::POST, &manager.key, &credits, &entry, &key).await.ok();
    }
    let all = house.all(&manager.key, DELIVERIES, 500).await;
    let told: Vec<(&str, &str, &str)> = all
        .iter()
        .map(|row| {
            let text = |name: &str| row[name].as_str().unwrap();
            (text("type"), text("balance"), text("url"))
        })
        .collect();
    let of_second: Vec<_> = told.iter().filter(|(_, _, url)| url.ends_with('2')).collect();
    let types: Vec<&str> = of_second.iter().map(|(kind, ..)| *kind).collect();
    assert_eq!(types, ["balance.low", "balance.refilled", "balance.low", "balance.refilled"], "{told:?}");
    assert_eq!(all.len(), 8, "{told:?}");
    for limit in [1, 3] {
        assert_eq!(house.all(&manager.key, DELIVERIES, limit).await, all, "by {limit}");
    }
    let of = |made: &Value| format!("{DELIVERIES}?webhook_id={}", made["id"].as_str().unwrap());
    for made in [&first, &second] {
        let rows = house.all(&manager.key, &of(made), 3).await;
        assert_eq!(rows.len(), 4);
        assert!(
            rows.iter().all(|row| row["webhook_id"] == made["id"] && row["state"] == "waiting"),
            "{rows:?}"
        );
    }
    let page = house.get(&manager.key, &format!("{}&limit=1", of(&first))).await.ok();
    let cursor = page["next_cursor"].as_str().unwrap();
    let other = format!("{}&limit=1&cursor={cursor}", of(&second));
    assert_eq!(house.get(&manager.key, &other).await.problem().0, 400);
    let path = format!("{WEBHOOKS}/{}", first["id"].as_str().unwrap());
    house.write(Method::DELETE, &manager.key, &path, &Value::Null).await.ok();
    assert!(house.all(&manager.key, &of(&first), 50).await.iter().all(|row| row["state"] == "given_up"));
    let deliver = "update webhook_deliveries set outcome = 'delivered' where outcome is not null";
    house.store.tx("deliver", async |tx: Tx| Ok(tx.execute(deliver, &[]).await?)).await.unwrap();
    assert_eq!(house.all(&manager.key, &format!("{DELIVERIES}?undelivered=true"), 50).await.len(), 4);

    let zero = json!({ "low_balance": "0" });
    assert_eq!(house.write(Method::PUT, &manager.key, &low, &zero).await.problem().0, 422);
    assert_eq!(house.write(Method::PUT, &manager.key, &low, &json!({})).await.problem().0, 422);
    let none = json!({ "low_balance": null });
    assert_eq!(house.write(Method::PUT, &manager.key, &low, &none).await.ok(), none);
    let nobody = "/admin/api/v1/users/00000000-0000-4000-8000-000000000000/low-balance";
    assert_eq!(house.write(Method::PUT, &manager.key, nobody, &line).await.problem().0, 404);
    assert_eq!(house.all(&manager.key, "/admin/api/v1/audit-log?action=user.set", 50).await.len(), 2);
}
