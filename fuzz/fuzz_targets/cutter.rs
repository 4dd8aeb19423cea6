//! Blocks are the stream in order, less what overlong rows lose, and end at boundaries.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::codec::cut::Cutter;
use millrace::codec::{Cut, LongPart};
use millrace_fuzz::Plan;

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    let size = usize::from(plan.options);
    for cut in [
        Cut::Rows { max: size, rest: false },
        Cut::Rows { max: size, rest: true },
        Cut::Fixed { bytes: size + 1 },
        Cut::Characters,
    ] {
        let mut cutter = Cutter::new(cut, usize::from(plan.cuts[3]));
        let (mut end, mut characters) = (0, String::new());
        let mut see = |block: millrace::codec::cut::CutBlock, last: bool| {
            let start = block.offset as usize;
            assert_eq!(&plan.input[start..][..block.bytes.len()], block.bytes);
            assert!(!block.first || start == 0);
            characters.push_str(&String::from_utf8_lossy(&block.bytes));
            match cut {
                Cut::Rows { rest: true, .. } if block.overlong.is_some() => {
                    assert_eq!(start, end);
                    end += block.bytes.len();
                    assert!(!block.bytes.contains(&b'\n'));
                    if block.overlong == Some(LongPart::Last) {
                        let behind = &plan.input[end..];
                        end += usize::from(behind.starts_with(b"\r"));
                        end += usize::from(plan.input[end..].starts_with(b"\n"));
                    }
                    return;
                }
                Cut::Rows { max, .. } if block.overlong.is_some() => {
                    let rest = &plan.input[start..];
                    let length = rest.iter().position(|&byte| byte == b'\n').map_or(rest.len(), |at| at + 1);
                    let row = rest[..length].strip_suffix(b"\n").unwrap_or(&rest[..length]);
                    assert!(row.strip_suffix(b"\r").unwrap_or(row).len() > max);
                    assert!(start == end && block.bytes.len() == max && !last);
                    end = start + length;
                    return;
                }
                Cut::Rows { max, .. } => {
                    assert!(last || block.bytes.ends_with(b"\n"));
                    let mut rows = block.bytes.split(|&byte| byte == b'\n');
                    assert!(rows.all(|row| row.strip_suffix(b"\r").unwrap_or(row).len() <= max));
                }
                Cut::Fixed { bytes } => assert!(block.bytes.len() == bytes || last),
                Cut::Characters => {}
            }
            assert_eq!(start, end);
            end += block.bytes.len();
        };
        for piece in plan.pieces() {
            let mut buffer = cutter.take_spare().unwrap_or_default();
            buffer.extend_from_slice(piece);
            cutter.push(buffer);
            while let Some(block) = cutter.next(plan.cuts[3] & 1 == 1) {
                see(block, false);
            }
        }
        see(cutter.finish(), true);
        assert_eq!(end, plan.input.len());
        if cut == Cut::Characters {
            assert_eq!(characters, String::from_utf8_lossy(plan.input));
        }
    }
});
