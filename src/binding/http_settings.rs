//! What `lib/http/` says of a server, its limits and its files, from JSON.

use crate::codec::http_files::{Coding, Conditions, Dotfiles, Effort, Policy};
use crate::codec::http1::Limits;
use crate::net::h2;
use crate::net::http::{CompressOptions, Config, FileOptions, Http2Config, SendFile, Symlinks, Timeouts};
use serde::Deserialize;
use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

/// Milliseconds; 0 is no limit.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Settings {
    max_header_size: usize,
    max_headers: usize,
    headers_timeout: u64,
    request_timeout: u64,
    keep_alive_timeout: u64,
    handshake_timeout: u64,
    no_delay: bool,
    keep_alive: bool,
    keep_alive_initial_delay: u64,
    max_connections: Option<usize>,
    http2: Option<Http2Settings>,
}

/// Checked in `lib/http/http2-options.js`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Http2Settings {
    initial_window_size: u32,
    connection_window_size: u32,
    max_concurrent_streams: u32,
    max_frame_size: u32,
    max_header_list_size: u32,
    max_pending_resets: usize,
    max_error_resets: usize,
    stream_reset_burst: u32,
    stream_reset_rate: u32,
    control_frame_burst: u32,
    control_frame_rate: u32,
    idle_timeout: u64,
    stall_timeout: u64,
    ping_interval: u64,
    ping_timeout: u64,
}

impl From<Http2Settings> for Http2Config {
    fn from(settings: Http2Settings) -> Self {
        let time = |ms| (ms > 0).then(|| Duration::from_millis(ms));
        Self {
            limits: h2::Config {
                stream_window: settings.initial_window_size,
                connection_window: settings.connection_window_size,
                concurrent_streams: settings.max_concurrent_streams,
                frame_bytes: settings.max_frame_size,
                header_list_bytes: settings.max_header_list_size,
                pending_resets: settings.max_pending_resets,
                error_resets: settings.max_error_resets,
                flood: h2::FloodLimits {
                    control_burst: settings.control_frame_burst,
                    control_per_second: settings.control_frame_rate,
                    reset_burst: settings.stream_reset_burst,
                    reset_per_second: settings.stream_reset_rate,
                    ..h2::FloodLimits::default()
                },
                ..h2::Config::default()
            },
            idle: time(settings.idle_timeout),
            stall: time(settings.stall_timeout),
            ping: time(settings.ping_interval),
            ping_timeout: Duration::from_millis(settings.ping_timeout),
        }
    }
}

impl From<Settings> for Config {
    fn from(settings: Settings) -> Self {
        let time = |ms| (ms > 0).then(|| Duration::from_millis(ms));
        Self {
            limits: Limits {
                head_bytes: settings.max_header_size,
                fields: settings.max_headers,
                ..Limits::default()
            },
            timeouts: Timeouts {
                headers: time(settings.headers_timeout),
                request: time(settings.request_timeout),
                keep_alive: time(settings.keep_alive_timeout),
                handshake: time(settings.handshake_timeout),
            },
            no_delay: settings.no_delay,
            keep_alive_probe: settings
                .keep_alive
                .then(|| Duration::from_millis(settings.keep_alive_initial_delay)),
            most_connections: settings.max_connections.unwrap_or(usize::MAX),
            http2: settings.http2.map(Into::into),
        }
    }
}

/// How files are served; checked in `lib/http/files.js`.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct PolicySpec {
    etag: bool,
    last_modified: bool,
    accept_ranges: bool,
    cache_control: Option<String>,
    #[serde(default)]
    fields: String,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct FilesSpec {
    pub prefix: String,
    pub directory: String,
    dotfiles: String,
    symlinks: String,
    index: Vec<String>,
    extensions: Vec<String>,
    precompressed: Vec<String>,
    compress: Option<CompressSpec>,
    redirect: bool,
    fallthrough: bool,
    policy: PolicySpec,
}

/// Checked in `lib/http/files.js`. Sizes are bytes.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CompressSpec {
    codings: Vec<String>,
    level: i32,
    brotli_quality: i32,
    zstd_level: i32,
    threshold: u64,
    max_bytes: u64,
    cache_bytes: usize,
}

/// Those of that name, the best first.
fn codings(names: &[String]) -> Vec<Coding> {
    Coding::ALL.into_iter().filter(|coding| names.iter().any(|name| name == coding.name())).collect()
}

impl From<CompressSpec> for CompressOptions {
    fn from(spec: CompressSpec) -> Self {
        Self {
            codings: codings(&spec.codings),
            effort: Effort {
                gzip_level: spec.level,
                brotli_quality: spec.brotli_quality,
                zstd_level: spec.zstd_level,
            },
            least_bytes: spec.threshold,
            most_bytes: spec.max_bytes,
            cache_bytes: spec.cache_bytes,
        }
    }
}

impl PolicySpec {
    fn policy(self, varies: bool) -> Policy {
        Policy {
            etag: self.etag,
            last_modified: self.last_modified,
            accept_ranges: self.accept_ranges,
            cache_control: self.cache_control,
            varies,
            extra: self.fields,
        }
    }
}

impl From<FilesSpec> for FileOptions {
    fn from(spec: FilesSpec) -> Self {
        let precompressed = codings(&spec.precompressed);
        Self {
            dotfiles: match &*spec.dotfiles {
                "allow" => Dotfiles::Allow,
                "deny" => Dotfiles::Deny,
                _ => Dotfiles::Ignore,
            },
            symlinks: match &*spec.symlinks {
                "follow" => Symlinks::Follow,
                "deny" => Symlinks::Deny,
                _ => Symlinks::Inside,
            },
            index: spec.index,
            extensions: spec.extensions,
            redirect: spec.redirect,
            fallthrough: spec.fallthrough,
            policy: spec.policy.policy(!precompressed.is_empty() || spec.compress.is_some()),
            precompressed,
            compress: spec.compress.map(CompressOptions::from),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct SendSpec {
    path: String,
    content_type: Option<String>,
    head_only: bool,
    keep_alive: bool,
    policy: PolicySpec,
    compress: Option<CompressSpec>,
    /// Fields of the request, by their names.
    #[serde(default)]
    request: HashMap<String, String>,
}

impl SendSpec {
    /// The same in the engine's words.
    pub fn send(&self) -> SendFile<'_> {
        let field = |name: &str| self.request.get(name).map(String::as_bytes);
        let compress = self.compress.clone().map(CompressOptions::from);
        SendFile {
            path: Path::new(&self.path),
            conditions: Conditions {
                if_match: field("if-match"),
                if_none_match: field("if-none-match"),
                if_modified_since: field("if-modified-since"),
                if_unmodified_since: field("if-unmodified-since"),
                if_range: field("if-range"),
                range: field("range"),
            },
            content_type: self.content_type.clone(),
            policy: self.policy.clone().policy(compress.is_some()),
            accept: field("accept-encoding"),
            compress,
            head_only: self.head_only,
            keep_alive: self.keep_alive,
        }
    }
}
