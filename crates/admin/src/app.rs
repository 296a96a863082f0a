//! What the management API works with.

use std::sync::{Arc, OnceLock};

use aes_gcm_siv::Aes256GcmSiv;
use aes_gcm_siv::aead::KeyInit;
use tollgate_domain::{AllowedNetworks, Clock, DigestKey, MasterKey};
use tollgate_metering::RecordKeys;
use tollgate_store::Store;
use tollgate_store::snapshot::ConfigEndpoint;

use crate::config::AdminConfig;
use crate::endpoint_check::{Checks, UpstreamCheck};
use crate::problem::Problem;
use crate::reports::Reports;
use crate::sign_in::Secrets;
use crate::sign_in::hashing::Hasher;
use crate::sign_in::oidc::Provider;
use crate::status::{GatewayProbe, GatewayStatus};
use crate::upstream_url::{self, Resolve, UrlOf};
use crate::webhooks::WebhookTry;

/// Says why a gateway could not use an endpoint. Given from outside: the management API knows no gateway.
pub type EndpointCheck = Arc<dyn Fn(ConfigEndpoint) -> Result<(), String> + Send + Sync>;

/// The management API. Cheap to clone.
#[derive(Clone)]
pub struct Admin(Arc<Inner>);

struct Inner {
    store: Store,
    master: MasterKey,
    record_keys: RecordKeys,
    cursors: Aes256GcmSiv,
    idempotency: DigestKey,
    secrets: Secrets,
    hasher: Hasher,
    oidc: Option<Provider>,
    is_behind_tls: bool,
    public_url: String,
    reports: Reports,
    clock: Arc<dyn Clock>,
    check_endpoint: EndpointCheck,
    gateway: OnceLock<GatewayProbe>,
    upstream_check: OnceLock<UpstreamCheck>,
    webhook_try: OnceLock<WebhookTry>,
    checks: Checks,
    resolve: Resolve,
    allowed_networks: AllowedNetworks,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Admin(…)")
    }
}

impl Admin {
    /// On a store of its own, so that no report takes the connections that requests are charged by.
    pub fn new(
        config: &AdminConfig,
        store: Store,
        master: MasterKey,
        clock: Arc<dyn Clock>,
        check_endpoint: EndpointCheck,
        resolve: Resolve,
    ) -> Self {
        Self(Arc::new(Inner {
            record_keys: RecordKeys::derive(&master),
            cursors: Aes256GcmSiv::new(&master.derive("tollgate admin cursor v2").into()),
            idempotency: DigestKey::derive(&master, "tollgate admin idempotency v1"),
            secrets: Secrets::derive(&master),
            hasher: Hasher::new(&master),
            oidc: config.oidc.is_on().then(|| Provider::new(config.oidc.clone())),
            is_behind_tls: config.tls_in_front,
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            reports: Reports::new(store.max_connections()),
            store,
            master,
            clock,
            check_endpoint,
            gateway: OnceLock::new(),
            upstream_check: OnceLock::new(),
            webhook_try: OnceLock::new(),
            checks: Checks::default(),
            resolve,
            allowed_networks: config.allowed_networks.clone(),
        }))
    }

    /// Asks this for how the gateway stands, from now on. The first one given stays.
    pub fn observe(&self, gateway: GatewayProbe) {
        self.0.gateway.get_or_init(|| gateway);
    }

    /// Checks endpoints by this, from now on. The first one given stays.
    pub fn check_endpoints_by(&self, check: UpstreamCheck) {
        self.0.upstream_check.get_or_init(|| check);
    }

    pub(crate) fn upstream_check(&self) -> Option<&UpstreamCheck> {
        self.0.upstream_check.get()
    }

    /// Tries webhooks by this, from now on. The first one given stays.
    pub fn try_webhooks_by(&self, send: WebhookTry) {
        self.0.webhook_try.get_or_init(|| send);
    }

    pub(crate) fn webhook_try(&self) -> Option<&WebhookTry> {
        self.0.webhook_try.get()
    }

    /// When endpoints were checked and webhooks tried of late.
    pub(crate) fn checks(&self) -> &Checks {
        &self.0.checks
    }

    pub(crate) fn gateway(&self) -> Option<GatewayStatus> {
        self.0.gateway.get().map(|probe| probe())
    }

    pub(crate) fn store(&self) -> &Store {
        &self.0.store
    }

    pub(crate) fn master(&self) -> &MasterKey {
        &self.0.master
    }

    pub(crate) fn record_keys(&self) -> &RecordKeys {
        &self.0.record_keys
    }

    pub(crate) fn cursors(&self) -> &Aes256GcmSiv {
        &self.0.cursors
    }

    pub(crate) fn idempotency(&self) -> &DigestKey {
        &self.0.idempotency
    }

    pub(crate) fn secrets(&self) -> &Secrets {
        &self.0.secrets
    }

    pub(crate) fn hasher(&self) -> &Hasher {
        &self.0.hasher
    }

    /// The OpenID provider by which people may come in, where there is one.
    pub(crate) fn oidc(&self) -> Option<&Provider> {
        self.0.oidc.as_ref()
    }

    /// Whether somebody else ends TLS in front of us.
    pub(crate) fn is_behind_tls(&self) -> bool {
        self.0.is_behind_tls
    }

    /// Where people reach us, without a slash at its end; empty where nobody said so.
    pub(crate) fn public_url(&self) -> &str {
        &self.0.public_url
    }

    pub(crate) fn reports(&self) -> &Reports {
        &self.0.reports
    }

    pub(crate) fn clock(&self) -> &dyn Clock {
        self.0.clock.as_ref()
    }

    /// Refuses the URL of an endpoint or a webhook that leads where it may not.
    pub(crate) async fn check_url(&self, of: UrlOf, url: &str) -> Result<(), Problem> {
        upstream_url::check(of, url, &self.0.resolve, &self.0.allowed_networks).await
    }

    pub(crate) fn check_endpoint(&self, endpoint: ConfigEndpoint) -> Result<(), String> {
        (self.0.check_endpoint)(endpoint)
    }
}
