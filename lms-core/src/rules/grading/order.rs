//! Ordering in three modes (Q11).

use std::collections::BTreeMap;

use super::of;
use crate::model::Ratio;
use crate::model::question::{Labelled, OrderMode};

/// The fraction for an order; the items stand in the right one.
pub(super) fn fraction(mode: OrderMode, items: &[Labelled], given: &[String]) -> Ratio {
    let place: BTreeMap<&str, usize> = items.iter().enumerate().map(|(n, item)| (item.id.as_str(), n)).collect();
    let places: Vec<usize> = given.iter().filter_map(|id| place.get(id.as_str()).copied()).collect();
    let right = places.iter().enumerate().filter(|(n, place)| n == *place).count();
    match mode {
        OrderMode::AllOrNothing => Ratio::new(i64::from(right == items.len()), 1),
        OrderMode::Absolute => of(right, items.len()),
        OrderMode::Subsequence => of(longest(&places).saturating_sub(1), items.len().saturating_sub(1)),
    }
}

/// The length of the longest ascending subsequence, in n log n.
fn longest(places: &[usize]) -> usize {
    let mut tails: Vec<usize> = Vec::new();
    for place in places {
        let at = tails.partition_point(|tail| tail < place);
        match tails.get_mut(at) {
            Some(tail) => *tail = *place,
            None => tails.push(*place),
        }
    }
    tails.len()
}
