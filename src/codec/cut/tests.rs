use proptest::prelude::*;

use super::*;

/// How a test feeds the cutter: lengths of pushed buffers, each with "eager" and "flush" for the calls after it.
type Feed = Vec<(usize, bool, bool)>;

fn feed() -> impl Strategy<Value = Feed> {
    prop::collection::vec((1usize..40, any::<bool>(), prop::bool::weighted(0.1)), 1..60)
}

/// Cuts `input`; the feed repeats until the input is used up.
fn cut(cut: Cut, target: usize, input: &[u8], feed: &Feed) -> Vec<CutBlock> {
    let mut cutter = Cutter::new(cut, target);
    let mut blocks = Vec::new();
    let mut rest = input;
    for &(length, eager, flush) in feed.iter().cycle() {
        let (now, later) = rest.split_at(length.min(rest.len()));
        let mut buffer = cutter.take_spare().unwrap_or_default();
        assert!(buffer.is_empty());
        buffer.extend_from_slice(now);
        cutter.push(buffer);
        while let Some(block) = cutter.next(eager) {
            blocks.push(block);
        }
        if flush {
            blocks.extend(cutter.flush());
        }
        if let Cut::Rows { max, .. } = cut {
            assert!(cutter.pending_bytes() <= target.max(max + 2) + length);
        }
        rest = later;
        if rest.is_empty() {
            break;
        }
    }
    blocks.push(cutter.finish());
    blocks
}

/// The overlong rows of `input`: where they start, and where the next row does.
fn overlong_rows(input: &[u8], max: usize) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    for row in input.split_inclusive(|&byte| byte == b'\n') {
        let content = row.strip_suffix(b"\n").unwrap_or(row);
        let content = content.strip_suffix(b"\r").unwrap_or(content);
        if content.len() > max {
            found.push((start, start + row.len()));
        }
        start += row.len();
    }
    found
}

fn check_places(blocks: &[CutBlock], input: &[u8]) -> Result<(), TestCaseError> {
    for (index, block) in blocks.iter().enumerate() {
        let at = block.offset as usize;
        prop_assert_eq!(block.first, index == 0);
        prop_assert_eq!(&block.bytes[..], &input[at..at + block.bytes.len()]);
    }
    Ok(())
}

/// Bytes in which line ends and their look-alikes are frequent.
fn rows() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        4 => prop::collection::vec(b'a'..=b'd', 0..12),
        4 => Just(b"\n".to_vec()),
        3 => Just(b"\r\n".to_vec()),
        1 => Just(b"\r".to_vec()),
        1 => Just("\u{2028}".as_bytes().to_vec()),
    ];
    prop::collection::vec(piece, 0..80).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn rows_are_whole_whatever_the_chunks(input in rows(), max in 0usize..20, target in 0usize..100, feed in feed()) {
        let blocks = cut(Cut::Rows { max, rest: false }, target, &input, &feed);
        check_places(&blocks, &input)?;
        let overlong = overlong_rows(&input, max);
        let mut expected = overlong.iter();
        let mut position = 0;
        let (last, others) = blocks.split_last().unwrap();
        for block in others {
            prop_assert_eq!(block.offset as usize, position);
            if block.overlong.is_some() {
                let &(start, next) = expected.next().unwrap();
                prop_assert_eq!((start, max), (position, block.bytes.len()));
                position = next;
            } else {
                prop_assert!(block.bytes.ends_with(b"\n"));
                prop_assert_eq!(overlong_rows(&block.bytes, max), vec![]);
                position += block.bytes.len();
            }
        }
        prop_assert!(expected.next().is_none() && last.overlong.is_none());
        prop_assert_eq!(overlong_rows(&last.bytes, max), vec![]);
        prop_assert_eq!(last.offset as usize, position);
        prop_assert_eq!(position + last.bytes.len(), input.len());
    }

    #[test]
    fn the_rest_of_a_long_row_comes_too_where_it_is_asked_for(
        input in rows(), max in 1usize..20, target in 0usize..100, feed in feed(),
    ) {
        let blocks = cut(Cut::Rows { max, rest: true }, target, &input, &feed);
        check_places(&blocks, &input)?;
        let mut found = Vec::new();
        let mut long = None;
        for block in &blocks {
            let start = block.offset as usize;
            match block.overlong {
                None => prop_assert_eq!(overlong_rows(&block.bytes, max), vec![]),
                Some(LongPart::First) => {
                    prop_assert!(block.bytes.len() + 3 >= max && block.bytes.len() <= max);
                    prop_assert!(long.replace((start, start + block.bytes.len())).is_none());
                }
                Some(part) => {
                    let (from, to) = long.take().unwrap();
                    prop_assert_eq!(start, to);
                    let to = to + block.bytes.len();
                    if part == LongPart::Last {
                        found.push((from, to));
                    } else {
                        prop_assert!(!block.bytes.is_empty());
                        long = Some((from, to));
                    }
                }
            }
            prop_assert!(std::str::from_utf8(&block.bytes).is_ok());
        }
        prop_assert!(long.is_none());
        let content = |&(start, end): &(usize, usize)| {
            let row = &input[start..end];
            let row = row.strip_suffix(b"\n").unwrap_or(row);
            (start, start + row.strip_suffix(b"\r").unwrap_or(row).len())
        };
        prop_assert_eq!(found, overlong_rows(&input, max).iter().map(content).collect::<Vec<_>>());
    }

    #[test]
    fn characters_are_whole_whatever_the_chunks(
        text in ".{0,60}",
        noise in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        target in 0usize..50,
        feed in feed(),
    ) {
        let mut input = text.into_bytes();
        for (at, byte) in noise {
            let at = at.index(input.len() + 1);
            input.insert(at, byte);
        }
        let feed: Feed = feed.into_iter().map(|(length, eager, flush)| (length % 5 + 1, eager, flush)).collect();
        let blocks = cut(Cut::Characters, target, &input, &feed);
        check_places(&blocks, &input)?;
        prop_assert_eq!(blocks.iter().flat_map(|block| &block.bytes).copied().collect::<Vec<_>>(), &input[..]);
        let decoded: String = blocks.iter().map(|block| String::from_utf8_lossy(&block.bytes)).collect();
        prop_assert_eq!(decoded, String::from_utf8_lossy(&input));
    }

    #[test]
    fn fixed_blocks_are_full_but_for_flushes(
        input in prop::collection::vec(any::<u8>(), 0..600),
        size in 1usize..90,
        feed in feed(),
    ) {
        let blocks = cut(Cut::Fixed { bytes: size }, 0, &input, &feed);
        check_places(&blocks, &input)?;
        prop_assert_eq!(blocks.iter().flat_map(|block| &block.bytes).copied().collect::<Vec<_>>(), &input[..]);
        let partial = blocks.iter().filter(|block| block.bytes.len() < size).count();
        let flushes = feed.iter().cycle().scan(0, |position, &(length, _, flush)| {
            let before = *position;
            *position += length;
            (before < input.len()).then_some(flush)
        });
        prop_assert!(partial <= 1 + flushes.filter(|&flush| flush).count());
        prop_assert!(blocks.iter().all(|block| block.bytes.len() <= size));
    }
}

#[test]
fn a_buffer_that_ends_at_a_boundary_is_handed_on_without_a_copy() {
    let mut cutter = Cutter::new(Cut::Rows { max: 100, rest: false }, 4);
    let buffer = b"one\ntwo\n".to_vec();
    let address = buffer.as_ptr();
    cutter.push(buffer);
    let block = cutter.next(false).unwrap();
    assert_eq!((block.bytes.as_ptr(), &block.bytes[..]), (address, &b"one\ntwo\n"[..]));
    assert_eq!(cutter.next(true), None);
}

#[test]
fn rows_are_gathered_to_the_target_unless_eager() {
    let mut cutter = Cutter::new(Cut::Rows { max: 100, rest: false }, 10);
    cutter.push(b"one\ntw".to_vec());
    assert_eq!(cutter.next(false), None);
    cutter.push(b"o\nthr".to_vec());
    assert_eq!(cutter.next(false).unwrap().bytes, b"one\ntwo\n");
    cutter.push(b"ee\nf".to_vec());
    assert_eq!(cutter.next(false), None);
    let block = cutter.next(true).unwrap();
    assert_eq!((&block.bytes[..], block.offset, block.first), (&b"three\n"[..], 8, false));
    assert_eq!((cutter.next(true), cutter.pending_bytes()), (None, 1));
    assert_eq!(cutter.finish().bytes, b"f");
}

#[test]
fn the_limit_counts_bytes_without_the_line_end() {
    let overlong = |input: &[u8]| -> Vec<Vec<u8>> {
        [1, 2, 3, 100]
            .map(|length| cut(Cut::Rows { max: 3, rest: false }, 1, input, &vec![(length, false, false)]))
            .iter()
            .map(|blocks| {
                blocks
                    .iter()
                    .filter(|block| block.overlong.is_some())
                    .flat_map(|block| block.bytes.clone())
                    .collect()
            })
            .reduce(|one: Vec<u8>, other| if one == other { one } else { b"differ".to_vec() })
            .into_iter()
            .filter(|bytes| !bytes.is_empty())
            .collect()
    };
    let none: Vec<Vec<u8>> = vec![];
    for fits in [&b"abc\nabc\n"[..], b"abc\r\nabc\r\n", b"abc", b"abc\r", b"ab\r\n", b"\r\n"] {
        assert_eq!(overlong(fits), none, "{fits:?}");
    }
    for too_long in [&b"abcd\n"[..], b"abcd\r\n", b"abcd", b"abc\rd\n", b"abc\r\r\n", b"a\nabcd\nb\n"] {
        assert_eq!(overlong(too_long), vec![too_long.strip_prefix(b"a\n").unwrap_or(too_long)[..3].to_vec()]);
    }
}

#[test]
fn a_row_without_end_takes_memory_for_the_limit_and_one_buffer() {
    let (max, length) = (1 << 20, 64 << 10);
    let mut cutter = Cutter::new(Cut::Rows { max, rest: false }, 256 << 10);
    let mut seen = Vec::new();
    for _ in 0..4096 {
        let mut buffer = cutter.take_spare().unwrap_or_default();
        buffer.resize(length, b'x');
        cutter.push(buffer);
        while let Some(block) = cutter.next(false) {
            seen.push((block.offset, block.bytes.len(), block.overlong));
            cutter.recycle(block.bytes);
        }
        let held: usize = cutter.spares.iter().map(Vec::capacity).sum();
        assert!(cutter.buffer.capacity() <= max + 2 + length && held <= 3 * (max + length));
    }
    cutter.push(b"x\nshort".to_vec());
    assert_eq!(cutter.next(true), None);
    assert_eq!(seen, [(0, max, Some(LongPart::First))]);
    let last = cutter.finish();
    assert_eq!((&last.bytes[..], last.offset, last.first), (&b"short"[..], 4096 * length as u64 + 2, false));
}

#[test]
fn an_empty_stream_is_one_empty_first_block() {
    for how in [Cut::Fixed { bytes: 4 }, Cut::Characters, Cut::Rows { max: 4, rest: false }] {
        let mut cutter = Cutter::new(how, 8);
        assert_eq!((cutter.next(true), cutter.flush()), (None, None));
        let last = cutter.finish();
        assert_eq!(last, CutBlock { bytes: vec![], offset: 0, first: true, overlong: None, checked: false });
    }
}

#[test]
fn blocks_are_checked_where_all_of_their_bytes_are() {
    let mut cutter = Cutter::new(Cut::Rows { max: 8, rest: false }, 4);
    let next = |cutter: &mut Cutter| cutter.next(true).map(|block| (block.bytes, block.checked));
    cutter.push_checked(b"1\n2\n".to_vec());
    assert_eq!(next(&mut cutter), Some((b"1\n2\n".to_vec(), true)));
    cutter.push(b"3\n4".to_vec());
    assert_eq!(next(&mut cutter), Some((b"3\n".to_vec(), false)));
    // The row that ends here began unchecked.
    cutter.push_checked(b"5\n6\n".to_vec());
    assert_eq!(next(&mut cutter), Some((b"45\n6\n".to_vec(), false)));
    cutter.push_checked(b"7\n".to_vec());
    cutter.push(b"8\n".to_vec());
    assert_eq!(next(&mut cutter), Some((b"7\n8\n".to_vec(), false)));
    // The longest row of one stage is not that of the next.
    cutter.push_checked(b"123456789\n0\n".to_vec());
    assert!(cutter.next(true).is_some_and(|block| block.overlong.is_some() && !block.checked));
    assert_eq!(next(&mut cutter), Some((b"0\n".to_vec(), true)));
}
