//! What a server shows and asks in handshakes: certificates, keys, roots, protocols.

use super::verify::Lenient;
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring as provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{
    ClientHello, ResolvesServerCert, ServerConfig, ServerSessionMemoryCache, WebPkiClientVerifier,
};
use rustls::sign::CertifiedKey;
use rustls::{Error, InconsistentKeys, RootCertStore};
use std::fmt;
use std::sync::Arc;

/// Sessions of TLS 1.2 that a context remembers for clients without tickets.
pub const CACHED_SESSIONS: usize = 1024;

/// Names of the cipher suites that there are, as IANA has them, the preferred ones first.
pub const CIPHER_SUITES: [&str; 9] = [
    "TLS_AES_256_GCM_SHA384",
    "TLS_AES_128_GCM_SHA256",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// A certificate and its key.
#[derive(Clone, Default)]
pub struct Identity {
    /// The certificate, then those that lead to its root: PEM, or the DER of the one.
    pub chain: Vec<u8>,
    /// PKCS #8, DER.
    pub key: Vec<u8>,
}

/// What a context is made of.
#[derive(Clone)]
pub struct ContextOptions {
    /// One for each kind of key.
    pub identities: Vec<Identity>,
    /// Asks clients for a certificate.
    pub request_cert: bool,
    /// Refuses clients without one that leads to a root.
    pub reject_unauthorized: bool,
    /// Roots of clients' certificates: PEM or DER.
    pub roots: Vec<Vec<u8>>,
    /// Lists of revoked certificates: PEM or DER.
    pub revocations: Vec<Vec<u8>>,
    /// Protocols offered, the preferred first.
    pub alpn: Vec<Vec<u8>>,
    /// Of [`CIPHER_SUITES`]; none for all of them.
    pub cipher_suites: Vec<String>,
    /// `X25519`, `P-256`, `P-384`; none for all of them.
    pub groups: Vec<String>,
    /// TLS 1.2 may be spoken.
    pub tls12: bool,
    /// TLS 1.3 may be spoken.
    pub tls13: bool,
    /// Our order of cipher suites decides, and not the client's.
    pub server_order: bool,
    /// Sessions can be resumed.
    pub resumption: bool,
}

impl Default for ContextOptions {
    fn default() -> Self {
        Self {
            identities: Vec::new(),
            request_cert: false,
            reject_unauthorized: true,
            roots: Vec::new(),
            revocations: Vec::new(),
            alpn: Vec::new(),
            cipher_suites: Vec::new(),
            groups: Vec::new(),
            tls12: true,
            tls13: true,
            server_order: true,
            resumption: true,
        }
    }
}

/// Options of which no context can be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContextError {
    /// As Node has it, where it has one.
    pub code: &'static str,
    /// In words.
    pub message: String,
}

impl ContextError {
    fn new(code: &'static str, message: impl fmt::Display) -> Self {
        Self { code, message: message.to_string() }
    }
}

/// What handshakes of a server, or of one of its names, go by. Connections hold the one that they began with.
pub struct Context {
    pub(super) config: Arc<ServerConfig>,
    /// Judges clients, where they are asked.
    pub(super) verifier: Option<Arc<dyn ClientCertVerifier>>,
    pub(super) reject_unauthorized: bool,
}

impl fmt::Debug for Context {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").finish_non_exhaustive()
    }
}

impl Context {
    /// Whether clients are asked for a certificate.
    pub fn requests_cert(&self) -> bool {
        self.verifier.is_some()
    }

    /// The same with other protocols.
    pub(super) fn with_alpn(&self, alpn: Vec<Vec<u8>>) -> Self {
        let mut config = ServerConfig::clone(&self.config);
        config.alpn_protocols = alpn;
        Self {
            config: Arc::new(config),
            verifier: self.verifier.clone(),
            reject_unauthorized: self.reject_unauthorized,
        }
    }

    /// Checks all there is to check without a client.
    ///
    /// # Errors
    /// What cannot be parsed, does not fit together, or is not to be had.
    pub fn new(options: &ContextOptions) -> Result<Self, ContextError> {
        let provider = Arc::new(restricted(options)?);
        let versions: Vec<_> =
            [(options.tls13, &rustls::version::TLS13), (options.tls12, &rustls::version::TLS12)]
                .into_iter()
                .filter_map(|(wanted, version)| wanted.then_some(version))
                .collect();
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&versions)
            .map_err(|e| ContextError::new("ERR_SSL_NO_CIPHER_MATCH", e))?;
        let verifier = match options.request_cert {
            true => Some(verifier(options, &provider)?),
            false => None,
        };
        let builder = match &verifier {
            None => builder.with_no_client_auth(),
            Some(strict) if options.reject_unauthorized => {
                builder.with_client_cert_verifier(Arc::clone(strict))
            }
            Some(strict) => builder.with_client_cert_verifier(Arc::new(Lenient(Arc::clone(strict)))),
        };
        let keys = options.identities.iter().map(|identity| certified(identity, &provider));
        let resolver = Identities(keys.collect::<Result<_, _>>()?);
        let mut config = builder.with_cert_resolver(Arc::new(resolver));
        config.ignore_client_order = options.server_order;
        config.alpn_protocols.clone_from(&options.alpn);
        if options.resumption {
            config.session_storage = ServerSessionMemoryCache::new(CACHED_SESSIONS);
            // Without random bytes for its key there is no server either.
            config.ticketer =
                provider::Ticketer::new().map_err(|e| ContextError::new("ERR_SSL_HANDSHAKE_FAILURE", e))?;
        } else {
            config.session_storage = Arc::new(rustls::server::NoServerSessionStorage {});
            config.send_tls13_tickets = 0;
        }
        Ok(Self { config: Arc::new(config), verifier, reject_unauthorized: options.reject_unauthorized })
    }
}

/// The crypto of ring, without what the options leave out.
fn restricted(options: &ContextOptions) -> Result<CryptoProvider, ContextError> {
    let mut all = provider::default_provider();
    if !options.cipher_suites.is_empty() {
        let name = |suite: &rustls::SupportedCipherSuite| suite_name(suite.suite());
        all.cipher_suites.retain(|suite| options.cipher_suites.iter().any(|wanted| *wanted == name(suite)));
        let place = |suite: &rustls::SupportedCipherSuite| {
            options.cipher_suites.iter().position(|wanted| *wanted == name(suite))
        };
        all.cipher_suites.sort_by_key(place);
    }
    if !options.groups.is_empty() {
        let group = |name: &str| match name {
            "X25519" => Some(provider::kx_group::X25519),
            "P-256" => Some(provider::kx_group::SECP256R1),
            "P-384" => Some(provider::kx_group::SECP384R1),
            _ => None,
        };
        all.kx_groups = options.groups.iter().filter_map(|name| group(name)).collect();
    }
    Ok(all)
}

/// A suite as IANA names it.
pub(super) fn suite_name(suite: rustls::CipherSuite) -> String {
    format!("{suite:?}").replacen("TLS13_", "TLS_", 1)
}

fn certified(identity: &Identity, provider: &CryptoProvider) -> Result<Arc<CertifiedKey>, ContextError> {
    let chain = certificates(&identity.chain)?;
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(identity.key.clone()));
    match CertifiedKey::from_der(chain, key, provider) {
        Ok(key) => Ok(Arc::new(key)),
        Err(Error::InconsistentKeys(InconsistentKeys::KeyMismatch)) => {
            Err(ContextError::new("ERR_OSSL_X509_KEY_VALUES_MISMATCH", "key values mismatch"))
        }
        Err(Error::InvalidCertificate(error)) => Err(ContextError::new("ERR_OSSL_ASN1_WRONG_TAG", error)),
        Err(error) => Err(ContextError::new("ERR_MILLRACE_TLS_UNSUPPORTED", format!("private key: {error}"))),
    }
}

/// Certificates of a text in PEM, or the one in DER.
fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, ContextError> {
    if bytes.first() == Some(&0x30) {
        return Ok(vec![CertificateDer::from(bytes.to_vec())]);
    }
    let list: Vec<_> = CertificateDer::pem_slice_iter(bytes)
        .collect::<Result<_, _>>()
        .map_err(|e| ContextError::new("ERR_OSSL_PEM_BAD_BASE64_DECODE", e))?;
    if list.is_empty() {
        return Err(ContextError::new("ERR_OSSL_PEM_NO_START_LINE", "no start line"));
    }
    Ok(list)
}

fn verifier(
    options: &ContextOptions,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ClientCertVerifier>, ContextError> {
    let mut roots = RootCertStore::empty();
    for bytes in &options.roots {
        for root in certificates(bytes)? {
            roots.add(root).map_err(|e| ContextError::new("ERR_OSSL_ASN1_WRONG_TAG", format!("ca: {e}")))?;
        }
    }
    let no_list = |error: &dyn fmt::Display| {
        ContextError::new("ERR_CRYPTO_OPERATION_FAILED", format!("Failed to parse CRL: {error}"))
    };
    let mut lists = Vec::new();
    for bytes in &options.revocations {
        if bytes.first() == Some(&0x30) {
            lists.push(CertificateRevocationListDer::from(bytes.clone()));
            continue;
        }
        let before = lists.len();
        for list in CertificateRevocationListDer::pem_slice_iter(bytes) {
            lists.push(list.map_err(|error| no_list(&error))?);
        }
        // Whoever gives a list wants it looked at: without one every certificate would pass.
        if lists.len() == before {
            return Err(no_list(&"there is none"));
        }
    }
    let mut builder = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider));
    if !lists.is_empty() {
        builder = builder.with_crls(lists);
    }
    builder.build().map_err(|e| ContextError::new("ERR_MILLRACE_TLS_CA", format!("ca: {e}")))
}

/// Picks the first certificate that the client can check.
#[derive(Debug)]
struct Identities(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Identities {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let fits = |key: &&Arc<CertifiedKey>| key.key.choose_scheme(hello.signature_schemes()).is_some();
        self.0.iter().find(fits).or(self.0.first()).cloned()
    }
}

/// The contexts of a server. Replaced as a whole; handshakes under way go on with theirs.
#[derive(Debug, Clone)]
pub struct Contexts {
    /// For names that no other is for.
    pub default: Arc<Context>,
    /// Each for the names that fit its pattern, in which `*` stands for one label. The last that fits is taken.
    pub named: Vec<(String, Arc<Context>)>,
    /// The owner is asked at each handshake.
    pub asks: bool,
}

impl Contexts {
    /// The context for a name.
    pub fn find(&self, name: Option<&str>) -> Arc<Context> {
        let named = name.and_then(|name| self.named.iter().rev().find(|(pattern, _)| fits(pattern, name)));
        Arc::clone(named.map_or(&self.default, |(_, context)| context))
    }
}

/// Whether a name fits a pattern, as in Node: a `*` stands for any characters but dots.
fn fits(pattern: &str, name: &str) -> bool {
    let (mut pattern, mut name) = (pattern.split('.'), name.split('.'));
    loop {
        match (pattern.next(), name.next()) {
            (None, None) => return true,
            (Some(pattern), Some(label)) if fits_label(pattern, label) => {}
            _ => return false,
        }
    }
}

fn fits_label(pattern: &str, label: &str) -> bool {
    let label = label.to_ascii_lowercase();
    let pattern = pattern.to_ascii_lowercase();
    let mut parts = pattern.split('*');
    let (first, rest) = (parts.next().unwrap_or_default(), parts);
    let Some(mut left) = label.strip_prefix(first) else { return false };
    let mut stars = rest.peekable();
    if stars.peek().is_none() {
        return left.is_empty();
    }
    while let Some(part) = stars.next() {
        if stars.peek().is_none() {
            return left.ends_with(part);
        }
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_characters_of_one_label() {
        for (pattern, name, expected) in [
            ("a.test", "a.test", true),
            ("a.test", "A.TEST", true),
            ("a.test", "b.a.test", false),
            ("*.test", "a.test", true),
            ("*.test", "a.b.test", false),
            ("a*c.test", "abbc.test", true),
            ("a*c.test", "ac.test", true),
            ("a*c.test", "ab.test", false),
            ("*", "localhost", true),
            ("*", "a.b", false),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }
}
