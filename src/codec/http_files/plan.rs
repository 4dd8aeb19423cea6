//! The answer to a request for a file that is there: status, fields, and what to send.

use super::negotiate::Coding;
use super::precondition::{Verdict, judge};
use super::range::{Ranges, parse_ranges};
use super::validator::Validators;
use std::fmt::Write;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

/// The fields of a request that matter here; lists that came in several fields are joined by commas.
#[derive(Debug, Clone, Copy, Default)]
pub struct Conditions<'a> {
    /// `If-Match`.
    pub if_match: Option<&'a [u8]>,
    /// `If-None-Match`.
    pub if_none_match: Option<&'a [u8]>,
    /// `If-Modified-Since`.
    pub if_modified_since: Option<&'a [u8]>,
    /// `If-Unmodified-Since`.
    pub if_unmodified_since: Option<&'a [u8]>,
    /// `If-Range`.
    pub if_range: Option<&'a [u8]>,
    /// `Range`.
    pub range: Option<&'a [u8]>,
}

/// What is known of the file.
#[derive(Debug, Clone)]
pub struct FileFacts {
    /// Its size.
    pub bytes: u64,
    /// Number on its file system; 0 where there is none.
    pub inode: u64,
    /// When it was changed.
    pub modified: SystemTime,
    /// The value of `Content-Type`.
    pub content_type: String,
    /// The coding that its bytes are in.
    pub coding: Option<Coding>,
}

/// How files are offered.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Send `ETag`.
    pub etag: bool,
    /// Send `Last-Modified`.
    pub last_modified: bool,
    /// Serve ranges.
    pub accept_ranges: bool,
    /// The value of `Cache-Control`, where one is sent.
    pub cache_control: Option<String>,
    /// Whether the answer depends on `Accept-Encoding`.
    pub varies: bool,
    /// Further fields, each with its line end.
    pub extra: String,
}

/// Something to send, in order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// These bytes.
    Bytes(Vec<u8>),
    /// These, which many answers share.
    Shared(Arc<Vec<u8>>),
    /// These of the file.
    File(Range<u64>),
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Status code.
    pub status: u16,
    /// Fields, each with its line end; without `Date` and `Connection`, and without the empty line.
    pub fields: String,
    /// The body, which a HEAD request does not get.
    pub body: Vec<Piece>,
    /// Bytes of the body.
    pub length: u64,
}

/// Plans the answer to a GET or HEAD of a file. `boundary` separates several ranges; it must not occur in the file, so
/// it has to be random.
pub fn plan(
    conditions: &Conditions<'_>,
    file: &FileFacts,
    policy: &Policy,
    now: SystemTime,
    boundary: u64,
) -> Plan {
    let coding = file.coding.map_or("", Coding::name);
    let validators = Validators::new(file.inode, file.bytes, file.modified, coding, now);
    let asked = asked(conditions, policy);
    let mut fields = common_fields(file, policy, &validators);
    let ranges = match judge(&asked, &validators) {
        Verdict::NotModified => {
            return not_modified(fields);
        }
        Verdict::Failed => return refuse(412, ""),
        Verdict::Send { ranges } => ranges && policy.accept_ranges,
    };
    let wanted = match asked.range.filter(|_| ranges) {
        Some(value) => parse_ranges(value, file.bytes),
        None => Ranges::Whole,
    };
    if policy.accept_ranges {
        fields.push_str("Accept-Ranges: bytes\r\n");
    }
    let plan = match wanted {
        Ranges::Unsatisfiable => {
            return refuse(416, &format!("Content-Range: bytes */{}\r\n", file.bytes));
        }
        Ranges::Whole => {
            content_fields(&mut fields, &file.content_type, file);
            let body = if file.bytes == 0 { Vec::new() } else { vec![Piece::File(0..file.bytes)] };
            Plan { status: 200, fields, body, length: file.bytes }
        }
        Ranges::Parts(parts) => match &parts[..] {
            [part] => {
                content_fields(&mut fields, &file.content_type, file);
                let _ = write!(fields, "Content-Range: {}\r\n", content_range(part, file.bytes));
                Plan {
                    status: 206,
                    fields,
                    length: part.end - part.start,
                    body: vec![Piece::File(part.clone())],
                }
            }
            _ => multipart(fields, &parts, file, boundary),
        },
    };
    with_length(plan)
}

/// Plans the answer with a representation that is made when it is wanted, as `file.coding` says. Status 200 is without its
/// body, which [`Plan::with_body`] adds. There are no ranges of it.
pub fn plan_encoded(conditions: &Conditions<'_>, file: &FileFacts, policy: &Policy, now: SystemTime) -> Plan {
    let coding = file.coding.map_or("", Coding::name);
    let validators = Validators::new(file.inode, file.bytes, file.modified, coding, now);
    let asked = Conditions { range: None, if_range: None, ..asked(conditions, policy) };
    let mut fields = common_fields(file, policy, &validators);
    match judge(&asked, &validators) {
        Verdict::NotModified => not_modified(fields),
        Verdict::Failed => refuse(412, ""),
        Verdict::Send { .. } => {
            content_fields(&mut fields, &file.content_type, file);
            Plan { status: 200, fields, body: Vec::new(), length: 0 }
        }
    }
}

impl Plan {
    /// The same with this body.
    pub fn with_body(mut self, body: Arc<Vec<u8>>) -> Self {
        self.length = body.len() as u64;
        self.body = vec![Piece::Shared(body)];
        with_length(self)
    }
}

/// Of what describes the content, 304 says nothing but where it is: RFC 9110, 15.4.5.
fn not_modified(fields: String) -> Plan {
    let describes = |line: &str| {
        let name = line.split(':').next().unwrap_or_default();
        let prefix = name.get(..8).is_some_and(|prefix| prefix.eq_ignore_ascii_case("content-"));
        prefix && !name.eq_ignore_ascii_case("content-location")
    };
    let fields = fields.split_inclusive("\r\n").filter(|line| !describes(line)).collect();
    Plan { status: 304, fields, body: Vec::new(), length: 0 }
}

/// What is not sent cannot be asked about; its date is what it is.
fn asked<'a>(conditions: &Conditions<'a>, policy: &Policy) -> Conditions<'a> {
    Conditions {
        if_match: conditions.if_match.filter(|list| policy.etag || *list == b"*"),
        if_none_match: conditions.if_none_match.filter(|list| policy.etag || *list == b"*"),
        ..*conditions
    }
}

fn with_length(mut plan: Plan) -> Plan {
    let _ = write!(plan.fields, "Content-Length: {}\r\n", plan.length);
    plan
}

/// Fields of 200, 206 and 304 alike: RFC 9110, 15.4.5.
fn common_fields(file: &FileFacts, policy: &Policy, validators: &Validators) -> String {
    let mut fields = String::with_capacity(320);
    if let Some(value) = &policy.cache_control {
        let _ = write!(fields, "Cache-Control: {value}\r\n");
    }
    if policy.last_modified && file.modified > SystemTime::UNIX_EPOCH {
        let _ = write!(fields, "Last-Modified: {}\r\n", httpdate::fmt_http_date(validators.modified));
    }
    if policy.etag {
        let _ = write!(fields, "ETag: {}\r\n", validators.etag());
    }
    if policy.varies {
        fields.push_str("Vary: Accept-Encoding\r\n");
    }
    fields.push_str(&policy.extra);
    fields
}

fn content_fields(fields: &mut String, content_type: &str, file: &FileFacts) {
    if !content_type.is_empty() {
        let _ = write!(fields, "Content-Type: {content_type}\r\n");
    }
    if let Some(coding) = file.coding {
        let _ = write!(fields, "Content-Encoding: {}\r\n", coding.name());
    }
}

fn content_range(part: &Range<u64>, bytes: u64) -> String {
    format!("bytes {}-{}/{bytes}", part.start, part.end - 1)
}

/// RFC 9110, 14.6.
fn multipart(mut fields: String, parts: &[Range<u64>], file: &FileFacts, boundary: u64) -> Plan {
    let boundary = format!("millrace-{boundary:016x}");
    content_fields(&mut fields, &format!("multipart/byteranges; boundary={boundary}"), file);
    let (mut body, mut length) = (Vec::with_capacity(parts.len() * 2 + 1), 0);
    for (index, part) in parts.iter().enumerate() {
        let lead = if index == 0 { "" } else { "\r\n" };
        let mut head = format!("{lead}--{boundary}\r\n");
        if !file.content_type.is_empty() {
            let _ = write!(head, "Content-Type: {}\r\n", file.content_type);
        }
        let _ = write!(head, "Content-Range: {}\r\n\r\n", content_range(part, file.bytes));
        length += head.len() as u64 + (part.end - part.start);
        body.push(Piece::Bytes(head.into_bytes()));
        body.push(Piece::File(part.clone()));
    }
    let end = format!("\r\n--{boundary}--\r\n").into_bytes();
    length += end.len() as u64;
    body.push(Piece::Bytes(end));
    Plan { status: 206, fields, body, length }
}

/// An answer without the file: a short page that says the status.
pub fn refuse(status: u16, fields: &str) -> Plan {
    let reason = reason(status);
    page(status, fields, &format!("{status} {reason}"))
}

/// To the same place with a slash at its end. `location` is escaped already, and begins with one slash: two would name
/// another host.
pub fn redirect(location: &str) -> Plan {
    let location = format!("/{}", location.trim_start_matches('/'));
    page(301, &format!("Location: {location}\r\n"), "301 Moved Permanently")
}

fn page(status: u16, fields: &str, text: &str) -> Plan {
    let body = format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\"><title>{text}</title></head>\n\
         <body><h1>{text}</h1></body>\n</html>\n"
    );
    let fields = format!(
        "{fields}Content-Type: text/html; charset=utf-8\r\nContent-Security-Policy: default-src 'none'\r\n\
         X-Content-Type-Options: nosniff\r\n"
    );
    with_length(Plan {
        status,
        fields,
        length: body.len() as u64,
        body: vec![Piece::Bytes(body.into_bytes())],
    })
}

/// The phrase behind a status that is sent from here.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        206 => "Partial Content",
        301 => "Moved Permanently",
        304 => "Not Modified",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        412 => "Precondition Failed",
        416 => "Range Not Satisfiable",
        _ => "Internal Server Error",
    }
}
