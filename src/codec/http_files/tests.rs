use super::*;
use std::time::{Duration, SystemTime};

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

const NOW: u64 = 2_000_000_000;
const CHANGED: u64 = 1_700_000_000;

fn facts() -> FileFacts {
    FileFacts { bytes: 100, inode: 7, modified: at(CHANGED), content_type: "text/plain".into(), coding: None }
}

fn policy() -> Policy {
    Policy {
        etag: true,
        last_modified: true,
        accept_ranges: true,
        cache_control: Some("public, max-age=0".into()),
        varies: false,
        extra: String::new(),
    }
}

fn answer(conditions: Conditions<'_>) -> Plan {
    plan(&conditions, &facts(), &policy(), at(NOW), 0xb0)
}

fn etag() -> String {
    Validators::new(7, 100, at(CHANGED), "", at(NOW)).etag()
}

#[test]
fn a_whole_file_has_its_validators() {
    let plan = answer(Conditions::default());
    assert_eq!((plan.status, plan.length, &plan.body[..]), (200, 100, &[Piece::File(0..100)][..]));
    for field in
        ["Accept-Ranges: bytes", "Content-Length: 100", "Content-Type: text/plain", "Cache-Control: "]
    {
        assert!(plan.fields.contains(field), "{field} in {}", plan.fields);
    }
    assert!(plan.fields.contains(&format!("ETag: {}\r\n", etag())));
    assert!(etag().starts_with('"'), "strong");
    assert!(plan.fields.contains("Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT\r\n"));
}

#[test]
fn a_file_that_changed_just_now_has_a_weak_tag_and_no_ranges_by_it() {
    let facts = FileFacts { modified: at(NOW), ..facts() };
    let tag = Validators::new(7, 100, at(NOW), "", at(NOW)).etag();
    assert!(tag.starts_with("W/\""));
    let conditions =
        Conditions { range: Some(b"bytes=0-1"), if_range: Some(tag.as_bytes()), ..Default::default() };
    assert_eq!(plan(&conditions, &facts, &policy(), at(NOW), 0).status, 200);
    let conditions = Conditions { if_none_match: Some(tag.as_bytes()), ..Default::default() };
    assert_eq!(plan(&conditions, &facts, &policy(), at(NOW), 0).status, 304);
}

#[test]
fn preconditions_are_evaluated_in_their_order() {
    let tag = etag();
    let list = format!("\"a,b\", W/{tag}");
    let (tag, list): (&[u8], &[u8]) = (tag.as_bytes(), list.as_bytes());
    let same: &[u8] = b"Tue, 14 Nov 2023 22:13:20 GMT";
    let before: &[u8] = b"Tue, 14 Nov 2023 22:13:19 GMT";
    let c = Conditions::default();
    let cases = [
        (Conditions { if_match: Some(b"*"), ..c }, 200),
        (Conditions { if_match: Some(tag), ..c }, 200),
        (Conditions { if_match: Some(list), ..c }, 412),
        (Conditions { if_match: Some(b"\"x\""), ..c }, 412),
        (Conditions { if_match: Some(tag), if_unmodified_since: Some(before), ..c }, 200),
        (Conditions { if_unmodified_since: Some(before), ..c }, 412),
        (Conditions { if_unmodified_since: Some(same), ..c }, 200),
        (Conditions { if_unmodified_since: Some(b"foo"), ..c }, 200),
        (Conditions { if_none_match: Some(b"*"), ..c }, 304),
        (Conditions { if_none_match: Some(list), ..c }, 304),
        (Conditions { if_none_match: Some(b"\"x\", y"), ..c }, 200),
        (Conditions { if_none_match: Some(b"\"x\""), if_modified_since: Some(same), ..c }, 200),
        (Conditions { if_modified_since: Some(same), ..c }, 304),
        (Conditions { if_modified_since: Some(before), ..c }, 200),
        (Conditions { if_match: Some(b"\"x\""), if_none_match: Some(tag), ..c }, 412),
    ];
    for (conditions, status) in cases {
        assert_eq!(answer(conditions).status, status, "{conditions:?}");
    }
}

#[test]
fn what_is_not_modified_has_validators_and_no_content() {
    let plan = answer(Conditions { if_none_match: Some(b"*"), ..Default::default() });
    assert!(plan.body.is_empty());
    assert!(plan.fields.contains("ETag: ") && plan.fields.contains("Cache-Control: "));
    assert!(!plan.fields.contains("Content-"), "{}", plan.fields);
}

#[test]
fn a_range_needs_the_version_that_it_was_begun_with() {
    let tag = etag();
    let weak = format!("W/{tag}");
    let cases: [(&[u8], u16); 6] = [
        (tag.as_bytes(), 206),
        (weak.as_bytes(), 200),
        (b"\"x\"", 200),
        (b"Tue, 14 Nov 2023 22:13:20 GMT", 206),
        (b"Tue, 14 Nov 2023 22:13:21 GMT", 200),
        (b"foo", 200),
    ];
    for (if_range, status) in cases {
        let conditions =
            Conditions { range: Some(b"bytes=1-2"), if_range: Some(if_range), ..Default::default() };
        assert_eq!(answer(conditions).status, status, "{}", String::from_utf8_lossy(if_range));
    }
}

#[test]
fn ranges_are_read_as_the_rfc_has_them() {
    let parts = |list: &[(u64, u64)]| Ranges::Parts(list.iter().map(|&(a, b)| a..b).collect());
    let cases: [(&str, Ranges); 20] = [
        ("bytes=0-4", parts(&[(0, 5)])),
        ("BYTES=0-4", parts(&[(0, 5)])),
        ("bytes=95-", parts(&[(95, 100)])),
        ("bytes=-3", parts(&[(97, 100)])),
        ("bytes=-300", parts(&[(0, 100)])),
        ("bytes=90-200", parts(&[(90, 100)])),
        ("bytes=100-", Ranges::Unsatisfiable),
        ("bytes=-0", Ranges::Unsatisfiable),
        ("bytes=200-300,500-", Ranges::Unsatisfiable),
        ("bytes=5-4", Ranges::Whole),
        ("bytes=a-b", Ranges::Whole),
        ("bytes=-", Ranges::Whole),
        ("bytes=", Ranges::Whole),
        ("items=0-4", Ranges::Whole),
        ("bytes=0-1, 4-5", parts(&[(0, 2), (4, 6)])),
        ("bytes=4-5,0-1", parts(&[(4, 6), (0, 2)])),
        ("bytes=0-1,2-3,50-60", parts(&[(0, 4), (50, 61)])),
        ("bytes=1-1,200-,3-3", parts(&[(1, 2), (3, 4)])),
        ("bytes=0-99,0-99,0-99", parts(&[(0, 100)])),
        ("bytes=99999999999999999999999-", Ranges::Unsatisfiable),
    ];
    for (value, expected) in cases {
        assert_eq!(parse_ranges(value.as_bytes(), 100), expected, "{value}");
    }
    let many =
        format!("bytes={}", (0..40).map(|n| format!("{}-{}", n * 2, n * 2)).collect::<Vec<_>>().join(","));
    assert_eq!(parse_ranges(many.as_bytes(), 100), Ranges::Whole, "a flood of ranges");
    assert_eq!(parse_ranges(b"bytes=0-60,80-90,0-60", 100), Ranges::Whole, "more than the file");
    assert_eq!(parse_ranges(b"bytes=0-", 0), Ranges::Unsatisfiable);
}

#[test]
fn one_range_says_where_it_is_and_none_says_how_long_the_file_is() {
    let plan = answer(Conditions { range: Some(b"bytes=10-19"), ..Default::default() });
    assert_eq!((plan.status, plan.length, &plan.body[..]), (206, 10, &[Piece::File(10..20)][..]));
    assert!(plan.fields.contains("Content-Range: bytes 10-19/100\r\nContent-Length: 10\r\n"));
    let plan = answer(Conditions { range: Some(b"bytes=100-"), ..Default::default() });
    assert_eq!(plan.status, 416);
    assert!(plan.fields.contains("Content-Range: bytes */100\r\n"));
}

#[test]
fn several_ranges_are_parts_whose_length_is_told() {
    let plan = answer(Conditions { range: Some(b"bytes=0-1,10-19"), ..Default::default() });
    assert_eq!(plan.status, 206);
    assert!(plan.fields.contains("multipart/byteranges; boundary=millrace-00000000000000b0\r\n"));
    let mut text = String::new();
    for piece in &plan.body {
        match piece {
            Piece::Bytes(bytes) => text.push_str(std::str::from_utf8(bytes).unwrap()),
            Piece::File(range) => text.push_str(&"x".repeat((range.end - range.start) as usize)),
            Piece::Shared(bytes) => text.push_str(&String::from_utf8_lossy(bytes)),
        }
    }
    assert_eq!(text.len() as u64, plan.length);
    assert_eq!(
        text,
        "--millrace-00000000000000b0\r\nContent-Type: text/plain\r\nContent-Range: bytes 0-1/100\r\n\r\nxx\r\n\
         --millrace-00000000000000b0\r\nContent-Type: text/plain\r\nContent-Range: bytes 10-19/100\r\n\r\n\
         xxxxxxxxxx\r\n--millrace-00000000000000b0--\r\n"
    );
}

#[test]
fn the_peer_weighs_and_the_server_breaks_ties() {
    use Coding::*;
    let cases: [(Option<&str>, &[Option<Coding>]); 11] = [
        (None, &[None]),
        (Some(""), &[None]),
        (Some("gzip, br"), &[Some(Br), Some(Gzip), None]),
        (Some("gzip, deflate, br, zstd"), &[Some(Br), Some(Zstd), Some(Gzip), None]),
        (Some("gzip;q=1, br;q=0.5"), &[Some(Gzip), Some(Br), None]),
        (Some("gzip; q=0, *"), &[Some(Br), Some(Zstd), None]),
        (Some("*;q=0"), &[None]),
        (Some("identity, gzip;q=0.5"), &[None, Some(Gzip)]),
        (Some("GZIP;Q=0.001"), &[Some(Gzip), None]),
        (Some("x-gzip"), &[Some(Gzip), None]),
        (Some("br;q=0.000, gzip;q=x"), &[Some(Gzip), None]),
    ];
    for (accept, expected) in cases {
        assert_eq!(choose(accept.map(str::as_bytes), &Coding::ALL), expected, "{accept:?}");
    }
}

#[test]
fn representations_of_one_resource_have_tags_of_their_own() {
    let gzip = FileFacts { coding: Some(Coding::Gzip), ..facts() };
    let policy = Policy { varies: true, ..policy() };
    let answer = plan(&Conditions::default(), &gzip, &policy, at(NOW), 0);
    assert!(
        answer.fields.contains("Content-Encoding: gzip\r\n")
            && answer.fields.contains("Vary: Accept-Encoding\r\n")
    );
    assert!(!answer.fields.contains(&etag()));
    let other = Conditions { if_none_match: Some(b"\"7-64-17978f0ff4f70000\""), ..Default::default() };
    assert_eq!(plan(&other, &gzip, &policy, at(NOW), 0).status, 200);
}

#[test]
fn types_are_by_extension_and_text_is_utf_8() {
    let cases = [
        ("a.html", "text/html; charset=utf-8"),
        ("a.HTML", "text/html; charset=utf-8"),
        ("a/b.js", "text/javascript; charset=utf-8"),
        ("a.mjs", "text/javascript; charset=utf-8"),
        ("a.json", "application/json; charset=utf-8"),
        ("a.wasm", "application/wasm"),
        ("a.svg", "image/svg+xml"),
        ("a.mp4", "video/mp4"),
        ("a.avif", "image/avif"),
        ("a.woff2", "font/woff2"),
        ("no_ext", "application/octet-stream"),
        ("dir.html/no_ext", "application/octet-stream"),
        ("a.zzzzz", "application/octet-stream"),
    ];
    for (name, expected) in cases {
        assert_eq!(content_type(name), expected, "{name}");
    }
    assert!(is_compressible(&content_type("a.svg")) && !is_compressible(&content_type("a.mp4")));
}

#[test]
fn paths_stay_within_and_are_decoded_once() {
    use Refusal::*;
    let ignore = |raw: &str| file_path(raw.as_bytes(), Dotfiles::Ignore);
    let served = [
        ("/", ""),
        ("//", ""),
        ("/a/b.txt", "a/b.txt"),
        ("/a//b.txt", "a/b.txt"),
        ("/a/./b.txt", "a/b.txt"),
        ("/a/", "a/"),
        ("/some%20thing.txt", "some thing.txt"),
        ("/snow%20%E2%98%83", "snow ☃"),
        ("/a%2fb", "a/b"),
        ("/do..ts.txt", "do..ts.txt"),
        ("/%252e%252e/x", "%2e%2e/x"),
    ];
    for (raw, path) in served {
        assert_eq!(ignore(raw).as_deref(), Ok(path), "{raw}");
    }
    let refused = [
        ("/..", Forbidden),
        ("/a/../../b", Forbidden),
        ("/%2e%2e/b", Forbidden),
        ("/%2e%2E%2fb", Forbidden),
        ("/..%2fb", Forbidden),
        ("/a%00.txt", Malformed),
        ("/%", Malformed),
        ("/%zz", Malformed),
        ("/%80", Malformed),
        ("/.env", Hidden),
        ("/.git/config", Hidden),
        ("/%2egit/config", Hidden),
    ];
    for (raw, refusal) in refused {
        assert_eq!(ignore(raw), Err(refusal), "{raw}");
    }
    assert_eq!(file_path(b"/.env", Dotfiles::Allow).as_deref(), Ok(".env"));
    assert_eq!(file_path(b"/.env", Dotfiles::Deny), Err(Forbidden));
}

#[test]
fn a_redirect_never_names_another_host() {
    assert!(redirect("//evil.example/").fields.starts_with("Location: /evil.example/\r\n"));
    assert!(redirect("/a/b/").fields.starts_with("Location: /a/b/\r\n"));
}
