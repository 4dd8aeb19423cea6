use proptest::prelude::*;

use super::{Algorithm, Digest, Encoding, HashTap};
use crate::codec::Tap;

fn hex(bytes: &[u8]) -> String {
    text(Encoding::Hex, bytes)
}

fn text(encoding: Encoding, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    encoding.append(bytes, &mut out);
    String::from_utf8(out).unwrap()
}

/// Digests of `abc` from the algorithms' own specifications.
const ABC: [(&str, &str); 7] = [
    ("sha256", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
        "sha512",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a\
         2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    ),
    ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
    ("md5", "900150983cd24fb0d6963f7d28e17f72"),
    ("crc32", "352441c2"),
    ("blake3", "6437b3ac38465133ffb63b75273a8db548c558465d79db03fd359c6cd5bd9d85"),
    ("xxh3", "78af5f94892f3950"),
];

#[test]
fn digests_are_those_of_the_specifications() {
    for (name, expected) in ABC {
        let algorithm: Algorithm = name.parse().unwrap();
        assert_eq!(algorithm.name(), name);
        assert_eq!(hex(algorithm.digest(b"abc").as_slice()), expected, "{name}");
        assert_eq!(algorithm.digest_bytes() * 2, expected.len(), "{name}");
    }
    assert_eq!(hex(Algorithm::Xxh3.digest(b"").as_slice()), "2d06800538d394c2");
    assert!("SHA-256".parse::<Algorithm>().is_err());
}

#[test]
fn encodings_are_those_of_rfc_4648() {
    for (bytes, padded) in [
        ("", ""),
        ("f", "Zg=="),
        ("fo", "Zm8="),
        ("foo", "Zm9v"),
        ("foob", "Zm9vYg=="),
        ("fooba", "Zm9vYmE="),
    ] {
        assert_eq!(text(Encoding::Base64, bytes.as_bytes()), padded);
        assert_eq!(text(Encoding::Base64Url, bytes.as_bytes()), padded.trim_end_matches('='));
    }
    assert_eq!(text(Encoding::Base64, b"\xfb\xff\xfe"), "+//+");
    assert_eq!(text(Encoding::Base64Url, b"\xfb\xff\xfe"), "-__-");
    assert_eq!(Encoding::from_name("base64url"), Some(Encoding::Base64Url));
    assert_eq!(Encoding::from_name("latin1"), None);
}

#[test]
fn the_tap_names_each_digest_once() {
    let mut tap = HashTap::new(&[Algorithm::Md5, Algorithm::Crc32, Algorithm::Md5], Encoding::Hex);
    tap.see(b"a");
    tap.see(b"");
    tap.see(b"bc");
    assert_eq!(
        tap.finish().as_deref(),
        Some(r#"{"md5":"900150983cd24fb0d6963f7d28e17f72","crc32":"352441c2"}"#)
    );
}

#[test]
fn many_messages_have_the_digests_of_each() {
    let bytes: Vec<u8> = (0..400_u32).map(|i| (i * 7) as u8).collect();
    // Every length of padding, next to every other kind of message.
    for step in [1, 64, 191] {
        let messages: Vec<&[u8]> = (0..200).map(|i| &bytes[..(i * step) % 400]).collect();
        for algorithm in [Algorithm::Sha256, Algorithm::Sha1] {
            let mut found = vec![String::new(); messages.len()];
            algorithm.digest_each(messages.iter().copied(), |number, digest| {
                found[number] = hex(digest.as_slice());
            });
            let expected: Vec<_> = messages.iter().map(|m| hex(algorithm.digest(m).as_slice())).collect();
            assert_eq!(found, expected);
        }
    }
    Algorithm::Sha256.digest_each(std::iter::empty(), |_, _| panic!("of nothing"));
}

proptest! {
    #[test]
    fn cutting_changes_nothing(bytes in prop::collection::vec(any::<u8>(), 0..40_000), cut in any::<prop::sample::Index>()) {
        let cut = cut.index(bytes.len() + 1);
        let mut tap = HashTap::new(&Algorithm::ALL, Encoding::Hex);
        tap.see(&bytes[..cut]);
        tap.see(&bytes[cut..]);
        let seen = tap.finish().unwrap();
        for algorithm in Algorithm::ALL {
            let whole = hex(algorithm.digest(&bytes).as_slice());
            let mut digest = Digest::new(algorithm);
            digest.update(&bytes[..cut]);
            digest.update(&bytes[cut..]);
            prop_assert_eq!(hex(digest.finalize().as_slice()), whole.clone());
            let member = format!("\"{}\":\"{}\"", algorithm, whole);
            prop_assert!(seen.contains(&member), "{}", seen);
        }
    }
}
