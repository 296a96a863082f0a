//! TLS to the database, when the URL asks for it.
//!
//! `sslmode=require` and `sslmode=verify-full` mean the same here: encrypted, and the certificate is checked against the public
//! roots, or against the PEM file that `sslrootcert` names. Encryption to whoever answers is not offered. Every other
//! mode connects in plain, which is for sockets and private networks.

use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use tokio_postgres_rustls::MakeRustlsConnect;

use crate::StoreError;

/// Takes the parts of a connection URL that concern TLS out of it, and returns the rest.
pub(crate) fn from_url(url: &str) -> Result<(String, Option<MakeRustlsConnect>), StoreError> {
    let (rest, mode, root) = split(url);
    let verified = match mode.as_deref() {
        Some("require" | "verify-full") => true,
        None | Some("disable" | "prefer") => false,
        Some(other) => {
            return Err(StoreError::Config(format!(
                "sslmode `{other}` is not one of disable, prefer, require, verify-full"
            )));
        }
    };
    let separator = match (rest.contains("://"), rest.contains('?')) {
        (true, false) => "?",
        (true, true) => "&",
        (false, _) => " ",
    };
    let rest = format!("{rest}{separator}sslmode={}", if verified { "require" } else { "disable" });
    if !verified {
        return Ok((rest, None));
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| StoreError::Config(error.to_string()))?
        .with_root_certificates(roots(root.as_deref())?)
        .with_no_client_auth();
    Ok((rest, Some(MakeRustlsConnect::new(config))))
}

/// The URL (or `key=value` list) without `sslmode` and `sslrootcert`, and these two.
fn split(url: &str) -> (String, Option<String>, Option<String>) {
    let (base, query, separator) = match url.split_once('?') {
        Some((base, query)) if url.contains("://") => (base, query, '&'),
        _ if url.contains("://") => (url, "", '&'),
        _ => ("", url, ' '),
    };
    let (mut mode, mut root, mut others) = (None, None, Vec::new());
    for parameter in query.split(separator).filter(|parameter| !parameter.is_empty()) {
        match parameter.split_once('=') {
            Some(("sslmode", value)) => mode = Some(value.to_owned()),
            Some(("sslrootcert", value)) => root = Some(value.replace("%2F", "/").replace("%2f", "/")),
            _ => others.push(parameter),
        }
    }
    let others = others.join(&separator.to_string());
    let rest = match (base.is_empty(), others.is_empty()) {
        (false, false) => format!("{base}?{others}"),
        (false, true) => base.to_owned(),
        (true, _) => others,
    };
    (rest, mode, root)
}

fn roots(file: Option<&str>) -> Result<RootCertStore, StoreError> {
    let Some(file) = file else {
        return Ok(RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() });
    };
    let unreadable =
        |error: &dyn std::fmt::Display| StoreError::Config(format!("sslrootcert `{file}`: {error}"));
    let mut store = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(file).map_err(|error| unreadable(&error))? {
        let certificate = certificate.map_err(|error| unreadable(&error))?;
        store.add(certificate).map_err(|error| unreadable(&error))?;
    }
    if store.is_empty() {
        return Err(unreadable(&"it holds no certificate"));
    }
    Ok(store)
}

#[cfg(test)]
mod tests;
