//! Medians of interleaved rounds, and exponents of growth.

/// The value in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted.get(sorted.len() / 2).copied().unwrap_or(f64::NAN)
}

/// How a cost grows with a size: 0 = not at all, 1 = in proportion.
pub fn exponent(small: (f64, f64), large: (f64, f64)) -> f64 {
    (large.1 / small.1).ln() / (large.0 / small.0).ln()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < 1e-9);
        assert!((exponent((10.0, 5.0), (1000.0, 500.0)) - 1.0).abs() < 1e-9);
        assert!(exponent((10.0, 5.0), (1000.0, 5.0)).abs() < 1e-9);
    }
}
