//! TLS of servers, for `lib/http/secure-context.js`.

use crate::net::transport::tls::{
    CIPHER_SUITES, Context, ContextOptions, Contexts, Identity, Session, SessionFacts,
};
use napi::bindgen_prelude::*;
use napi_derive::napi;
use serde::Deserialize;
use serde_json::json;
use std::cell::RefCell;
use std::sync::Arc;

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct ContextSpec {
    request_cert: bool,
    reject_unauthorized: bool,
    alpn: Vec<String>,
    cipher_suites: Vec<String>,
    groups: Vec<String>,
    tls12: bool,
    tls13: bool,
    server_order: bool,
    resumption: bool,
}

/// What handshakes go by.
#[napi]
pub struct TlsContext {
    context: Arc<Context>,
}

fn bytes(list: &[BufferSlice<'_>]) -> Vec<Vec<u8>> {
    list.iter().map(|one| one.to_vec()).collect()
}

#[napi]
impl TlsContext {
    /// `spec` is JSON; a chain for each key, in PEM or DER; keys in PKCS #8.
    ///
    /// @throws an error whose text begins with a code
    #[napi(constructor, catch_unwind)]
    pub fn new(
        spec: String,
        chains: Vec<BufferSlice<'_>>,
        keys: Vec<BufferSlice<'_>>,
        roots: Vec<BufferSlice<'_>>,
        revocations: Vec<BufferSlice<'_>>,
    ) -> Result<Self> {
        let spec: ContextSpec =
            serde_json::from_str(&spec).map_err(|e| Error::new(Status::InvalidArg, e.to_string()))?;
        let identities = chains.iter().zip(&keys);
        let options = ContextOptions {
            identities: identities
                .map(|(chain, key)| Identity { chain: chain.to_vec(), key: key.to_vec() })
                .collect(),
            request_cert: spec.request_cert,
            reject_unauthorized: spec.reject_unauthorized,
            roots: bytes(&roots),
            revocations: bytes(&revocations),
            // A string of JavaScript's with a unit for each byte.
            alpn: spec.alpn.iter().map(|name| name.chars().map(|unit| unit as u8).collect()).collect(),
            cipher_suites: spec.cipher_suites,
            groups: spec.groups,
            tls12: spec.tls12,
            tls13: spec.tls13,
            server_order: spec.server_order,
            resumption: spec.resumption,
        };
        match Context::new(&options) {
            Ok(context) => Ok(Self { context: Arc::new(context) }),
            Err(error) => Err(Error::from_reason(format!("{} {}", error.code, error.message))),
        }
    }

    /// Names of the cipher suites that there are.
    #[napi(catch_unwind)]
    pub fn cipher_suites() -> Vec<&'static str> {
        CIPHER_SUITES.to_vec()
    }
}

impl TlsContext {
    pub(super) fn inner(&self) -> Arc<Context> {
        Arc::clone(&self.context)
    }
}

/// The contexts of a server: the one for all, and those for names.
pub(super) fn contexts(
    default: &TlsContext,
    names: Vec<String>,
    named: &[ClassInstance<'_, TlsContext>],
    asks: bool,
) -> Contexts {
    let named = names.into_iter().zip(named.iter().map(|one| one.inner())).collect();
    Contexts { default: default.inner(), named, asks }
}

/// A session on its way from one protocol's connection to another's.
#[napi]
pub struct TlsSession {
    session: RefCell<Option<Box<Session>>>,
}

impl TlsSession {
    pub(super) fn new(session: Box<Session>) -> Self {
        Self { session: RefCell::new(Some(session)) }
    }

    pub(super) fn take(&self) -> Option<Box<Session>> {
        self.session.take()
    }
}

/// What a handshake came to, as JSON.
pub(super) fn describe(facts: &SessionFacts) -> String {
    json!({
        "version": facts.version,
        "cipherSuite": facts.cipher_suite,
        "alpn": facts.alpn.as_deref().map(|name| name.iter().map(|&byte| char::from(byte)).collect::<String>()),
        "serverName": facts.server_name,
        "resumed": facts.resumed,
    })
    .to_string()
}
