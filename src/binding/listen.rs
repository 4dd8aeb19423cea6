//! Where a server is to listen, and where it does, and where a client is to connect to, in JSON.

use crate::net::http::{Address, Listen};
use serde::Deserialize;
use serde_json::{Value, json};
use std::io;
use std::net::{IpAddr, SocketAddr};

/// Checked in JavaScript.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ListenSpec {
    host: Option<IpAddr>,
    port: Option<u16>,
    path: Option<String>,
    backlog: i32,
    ipv6_only: bool,
    reuse_port: bool,
}

impl From<ListenSpec> for Listen {
    fn from(spec: ListenSpec) -> Self {
        let ip = || SocketAddr::new(spec.host.unwrap_or(IpAddr::from([0u8; 4])), spec.port.unwrap_or(0));
        Self {
            address: spec.path.as_ref().map_or_else(|| Address::Ip(ip()), |path| Address::Unix(path.into())),
            backlog: spec.backlog,
            ipv6_only: spec.ipv6_only,
            reuse_port: spec.reuse_port,
        }
    }
}

/// Where to connect to. Checked in JavaScript, too.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum DialSpec {
    Ip { host: IpAddr, port: u16 },
    Unix { path: String },
}

impl From<DialSpec> for Address {
    fn from(spec: DialSpec) -> Self {
        match spec {
            DialSpec::Ip { host, port } => Self::Ip(SocketAddr::new(host, port)),
            DialSpec::Unix { path } => Self::Unix(path.into()),
        }
    }
}

/// `{address, family, port}`, or `{path}`.
pub(super) fn describe(address: &Address) -> Value {
    match address {
        Address::Ip(ip) => json!({
            "address": ip.ip().to_string(),
            "family": if ip.is_ipv4() { "IPv4" } else { "IPv6" },
            "port": ip.port(),
        }),
        Address::Unix(path) => json!({ "path": path.to_string_lossy() }),
    }
}

/// What listening or connecting came to, or `{syscall, errno}`.
pub(super) fn outcome<T>(
    listening: Result<T, (&'static str, io::Error)>,
    describe: impl FnOnce(&T) -> Value,
) -> String {
    match listening {
        Ok(listening) => describe(&listening),
        Err((syscall, error)) => json!({ "syscall": syscall, "errno": error.raw_os_error().unwrap_or(22) }),
    }
    .to_string()
}
