//! Shuffling drawn once from a stored seed, the same for ever (A11).

/// SplitMix64 (Steele, Lea, Flood 2014): small, fixed, and good enough for the order of questions.
struct SplitMix(u64);

impl SplitMix {
    const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }
}

/// The items in the order that the seed draws; `label` keeps the draws of one seed apart.
pub fn shuffled<T>(mut items: Vec<T>, seed: i64, label: &str) -> Vec<T> {
    let mixed = label.bytes().fold(seed.cast_unsigned() ^ 0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    let mut random = SplitMix(mixed);
    for last in (1..items.len()).rev() {
        let other = random.next() % (last as u64 + 1);
        items.swap(last, usize::try_from(other).unwrap_or(last));
    }
    items
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a11_the_draw_is_the_same_for_ever() {
        let drawn = shuffled((0..8).collect(), 42, "questions");
        assert_eq!(drawn, shuffled((0..8).collect(), 42, "questions"));
        let mut sorted = drawn.clone();
        sorted.sort_unstable();
        assert_eq!(sorted, (0..8).collect::<Vec<_>>());
        assert_ne!(drawn, shuffled((0..8).collect(), 43, "questions"));
        assert_ne!(drawn, shuffled((0..8).collect(), 42, "options"));
    }
}
