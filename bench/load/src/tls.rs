//! Transports of clients: bare sockets, or the project's own end of TLS on them.

use millrace::net::transport::Transport;
use millrace::net::transport::tls::Session;
use rustls::RootCertStore;
use rustls::client::ClientConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::net::TcpStream;
use std::sync::Arc;

/// What TLS clients go by.
pub struct Tls {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Tls {
    /// For servers named `localhost` whose certificates lead to those in the file `ca`, PEM.
    ///
    /// # Errors
    /// The file cannot be read, or holds no certificate.
    pub fn new(ca: &str, http2: bool) -> io::Result<Self> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(ca).map_err(io::Error::other)?;
        roots.add(certificate).map_err(io::Error::other)?;
        let mut config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![if http2 { b"h2".to_vec() } else { b"http/1.1".to_vec() }];
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        Ok(Self { config: Arc::new(config), name })
    }
}

/// # Errors
/// The system's.
pub fn transport(stream: TcpStream, tls: Option<&Tls>) -> io::Result<Transport> {
    stream.set_nonblocking(true)?;
    Ok(match tls {
        None => Transport::plain(stream.into()),
        Some(Tls { config, name }) => {
            let session = Session::client(Arc::clone(config), name.clone()).map_err(io::Error::other)?;
            Transport::encrypted(stream.into(), session)
        }
    })
}

/// What a handshake came to, in words; nothing on a bare socket.
pub fn describe(transport: &Transport) -> String {
    let facts = transport.session().and_then(Session::facts);
    facts.map_or_else(String::new, |facts| format!("{} {}", facts.version, facts.cipher_suite))
}
