//! Medians and spreads: what is left of several rounds.

/// The middle one of some values, and the outermost.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// Half of the values are below it, half above.
    pub median: f64,
    /// The smallest.
    pub least: f64,
    /// The largest.
    pub most: f64,
}

impl Spread {
    /// Of these values; `None` when there are none.
    #[must_use]
    pub fn of(values: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = values.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let upper = *sorted.get(sorted.len() / 2)?;
        let median = if sorted.len() % 2 == 1 {
            upper
        } else {
            f64::midpoint(*sorted.get(sorted.len() / 2 - 1)?, upper)
        };
        Some(Self {
            median,
            least,
            most,
        })
    }

    /// How far the outermost values are apart, as a part of the median.
    #[must_use]
    pub fn width(&self) -> f64 {
        (self.most - self.least) / self.median
    }
}

/// The ratios of values to those of the same round; rounds that lack one of the two are left out.
#[must_use]
pub fn ratios(values: &[(u32, f64)], references: &[(u32, f64)]) -> Option<Spread> {
    let ratio = |(round, value): &(u32, f64)| {
        let (_, reference) = references.iter().find(|(other, _)| other == round)?;
        (*reference > 0.0).then(|| value / reference)
    };
    Spread::of(values.iter().filter_map(ratio))
}

/// By how much values are above those of the same round; rounds that lack one of the two are left out.
#[must_use]
pub fn differences(values: &[(u32, f64)], references: &[(u32, f64)]) -> Option<Spread> {
    let difference = |(round, value): &(u32, f64)| {
        let (_, reference) = references.iter().find(|(other, _)| other == round)?;
        Some(value - reference)
    };
    Spread::of(values.iter().filter_map(difference))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn median(values: &[f64]) -> Option<f64> {
        Spread::of(values.iter().copied()).map(|spread| spread.median)
    }

    #[test]
    fn the_median_of_an_odd_number_of_values_is_the_middle_one() {
        assert_eq!(median(&[9.0, 1.0, 5.0]), Some(5.0));
    }

    #[test]
    fn the_median_of_an_even_number_of_values_lies_between_the_middle_two() {
        assert_eq!(median(&[1.0, 9.0, 3.0, 4.0]), Some(3.5));
    }

    #[test]
    fn there_is_no_median_of_nothing() {
        assert_eq!(median(&[]), None);
    }

    #[test]
    fn a_spread_reaches_from_the_smallest_value_to_the_largest() {
        let spread = Spread::of([4.0, 2.0, 5.0]).unwrap();
        assert_eq!((spread.least, spread.most), (2.0, 5.0));
        assert!((spread.width() - 0.75).abs() < 1e-9);
    }

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_of_each_round() {
        // The machine was twice as slow in round 2, for both.
        let ours = [(1, 1.0), (2, 2.0), (3, 3.0)];
        let theirs = [(1, 10.0), (2, 20.0), (3, 10.0)];
        let ratios = ratios(&ours, &theirs).unwrap();
        assert!((ratios.median - 0.1).abs() < 1e-9);
        assert!((ratios.most - 0.3).abs() < 1e-9);
    }

    #[test]
    fn a_round_that_one_of_both_missed_does_not_count() {
        let ratios = ratios(&[(1, 1.0), (2, 9.0)], &[(1, 2.0)]).unwrap();
        assert!((ratios.most - 0.5).abs() < 1e-9);
    }
}
