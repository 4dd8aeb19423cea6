//! Length-limited Huffman codes (RFC 1951 3.2.2).

/// Most symbols of an alphabet: literals and lengths.
pub const MAX_SYMBOLS: usize = 288;

/// Sets `lengths` to those of an optimal code for `freqs`, made as deep as `limit` (at most 15) where it would be deeper. A
/// symbol of frequency 0 has length 0; of one or two symbols each has length 1.
pub fn code_lengths(freqs: &[u32], limit: usize, lengths: &mut [u8]) {
    // Frequency and symbol in one number: sorting needs no second key.
    let mut leaves = [0u64; MAX_SYMBOLS];
    let mut count = 0;
    lengths.fill(0);
    for (symbol, &freq) in freqs.iter().enumerate() {
        if freq != 0 {
            leaves[count] = u64::from(freq) << 16 | symbol as u64;
            count += 1;
        }
    }
    let leaves = &mut leaves[..count];
    if count <= 2 {
        for leaf in leaves {
            lengths[symbol_of(*leaf)] = 1;
        }
        return;
    }
    leaves.sort_unstable();
    let mut at = leaves_at_depths(leaves, limit);
    // Kraft's sum in units of the deepest level. Each step makes a deepest leaf the sibling of one from a level above.
    let mut kraft: u32 = (1..=limit).map(|length| at[length] << (limit - length)).sum();
    while kraft > 1 << limit {
        let from = (1..limit).rev().find(|&length| at[length] != 0).unwrap_or(1);
        at[from] -= 1;
        at[from + 1] += 2;
        at[limit] -= 1;
        kraft -= 1;
    }
    // The rarest symbols get the longest codes.
    let by_rarity = (1..=limit).rev().flat_map(|length| std::iter::repeat_n(length, at[length] as usize));
    for (leaf, length) in leaves.iter().zip(by_rarity) {
        lengths[symbol_of(*leaf)] = length as u8;
    }
}

fn symbol_of(leaf: u64) -> usize {
    (leaf & 0xffff) as usize
}

/// How many of the sorted leaves, three or more, a Huffman tree has at each depth; what is deeper counts at `limit`.
///
/// Nodes are made in order of weight, so two queues take the place of a heap.
fn leaves_at_depths(leaves: &[u64], limit: usize) -> [u32; 16] {
    let count = leaves.len();
    let mut weights = [0u64; MAX_SYMBOLS];
    let mut node_parents = [0u16; MAX_SYMBOLS];
    let mut leaf_parents = [0u16; MAX_SYMBOLS];
    let (mut leaf, mut node) = (0, 0);
    for made in 0..count - 1 {
        for _ in 0..2 {
            if node < made && (leaf == count || weights[node] < leaves[leaf] >> 16) {
                weights[made] += weights[node];
                node_parents[node] = made as u16;
                node += 1;
            } else {
                weights[made] += leaves[leaf] >> 16;
                leaf_parents[leaf] = made as u16;
                leaf += 1;
            }
        }
    }
    let mut depths = [0u16; MAX_SYMBOLS];
    let mut at = [0; 16];
    for made in (0..count - 2).rev() {
        depths[made] = depths[node_parents[made] as usize] + 1;
    }
    for &parent in &leaf_parents[..count] {
        at[usize::from(depths[parent as usize] + 1).min(limit)] += 1;
    }
    at
}

/// The canonical codes for these lengths, their bits reversed: a code's first bit is its lowest.
pub fn canonical_codes<const N: usize>(lengths: &[u8; N]) -> [u16; N] {
    let mut at = [0u16; 16];
    for &length in lengths {
        at[usize::from(length)] += 1;
    }
    at[0] = 0;
    let mut next = [0u16; 16];
    for length in 1..16 {
        next[length] = (next[length - 1] + at[length - 1]) << 1;
    }
    let mut codes = [0; N];
    for (code, &length) in codes.iter_mut().zip(lengths) {
        if length != 0 {
            *code = next[usize::from(length)].reverse_bits() >> (16 - length);
            next[usize::from(length)] += 1;
        }
    }
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn skewed_frequencies_stay_within_the_limit() {
        // Fibonacci's numbers give the deepest trees.
        let mut freqs = [1u32; 40];
        for index in 2..40 {
            freqs[index] = freqs[index - 1] + freqs[index - 2];
        }
        for limit in [7, 14, 15] {
            let mut lengths = [0; 40];
            code_lengths(&freqs, limit, &mut lengths);
            assert!(lengths.iter().all(|&length| (1..=limit as u8).contains(&length)));
            assert_eq!(kraft(&lengths), 1 << 15);
        }
    }

    #[test]
    fn one_symbol_or_none() {
        let mut lengths = [9; 4];
        code_lengths(&[0, 0, 0, 0], 15, &mut lengths);
        assert_eq!(lengths, [0, 0, 0, 0]);
        code_lengths(&[0, 5, 0, 0], 15, &mut lengths);
        assert_eq!(lengths, [0, 1, 0, 0]);
        code_lengths(&[0, 5, 0, 90], 15, &mut lengths);
        assert_eq!(lengths, [0, 1, 0, 1]);
    }

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 1951 3.2.2, its example.
        let codes = canonical_codes(&[3, 3, 3, 3, 3, 2, 4, 4]);
        let canonical = [0b010, 0b011, 0b100, 0b101, 0b110, 0b00, 0b1110, 0b1111u16];
        for ((code, expected), length) in codes.into_iter().zip(canonical).zip([3, 3, 3, 3, 3, 2, 4, 4]) {
            assert_eq!(code, expected.reverse_bits() >> (16 - length));
        }
    }

    fn kraft(lengths: &[u8]) -> u32 {
        lengths.iter().filter(|length| **length != 0).map(|length| 1 << (15 - length)).sum()
    }

    proptest! {
        #[test]
        fn codes_are_complete_and_rarer_is_not_shorter(
            freqs in prop::collection::vec(prop_oneof![Just(0u32), 1u32..50, 1u32..2_000_000], 3..MAX_SYMBOLS),
            limit in 9usize..=15,
        ) {
            let mut lengths = vec![0; freqs.len()];
            code_lengths(&freqs, limit, &mut lengths);
            let used = freqs.iter().filter(|freq| **freq != 0).count();
            prop_assert!(lengths.iter().all(|length| usize::from(*length) <= limit));
            if used >= 2 {
                prop_assert_eq!(kraft(&lengths), 1 << 15);
            }
            for (freq, length) in freqs.iter().zip(&lengths) {
                prop_assert_eq!(*freq == 0, *length == 0);
                for (other, other_length) in freqs.iter().zip(&lengths) {
                    prop_assert!(freq <= other || other == &0 || length <= other_length);
                }
            }
        }
    }
}
