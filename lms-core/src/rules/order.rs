//! Order among siblings (O1–O3).

use uuid::Uuid;

/// The siblings with `id` put at `index`, which is clamped to 0..=n (O3).
pub fn inserted(siblings: &[Uuid], id: Uuid, index: Option<i64>) -> Vec<Uuid> {
    let mut order = siblings.to_vec();
    let at = index.map_or(order.len(), |i| usize::try_from(i.max(0)).unwrap_or(usize::MAX).min(order.len()));
    order.insert(at, id);
    order
}

/// Whether `wanted` holds exactly the siblings, each once (O2).
pub fn is_permutation(siblings: &[Uuid], wanted: &[Uuid]) -> bool {
    let mut a = siblings.to_vec();
    let mut b = wanted.to_vec();
    a.sort_unstable();
    b.sort_unstable();
    a == b && a.windows(2).all(|pair| pair.first() != pair.last())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(n: u128) -> Vec<Uuid> {
        (1..=n).map(Uuid::from_u128).collect()
    }

    #[test]
    fn o3_insert_clamps_and_shifts() {
        let base = ids(3);
        let new = Uuid::from_u128(9);
        assert_eq!(inserted(&base, new, Some(-5))[0], new);
        assert_eq!(inserted(&base, new, Some(1))[1], new);
        assert_eq!(inserted(&base, new, Some(99))[3], new);
        assert_eq!(inserted(&base, new, None)[3], new);
    }

    #[test]
    fn o2_only_exactly_the_children_are_an_order() {
        let base = ids(3);
        let mut turned = base.clone();
        turned.reverse();
        assert!(is_permutation(&base, &turned));
        assert!(!is_permutation(&base, &base[..2]));
        assert!(!is_permutation(&base, &[base[0], base[0], base[1]]));
        assert!(!is_permutation(&base, &ids(4)));
    }
}
