//! Samples of one quantity and what is said about them.

use serde::Serialize;

/// Values of one quantity from several rounds.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(transparent)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, value: f64) {
        self.0.push(value);
    }

    /// The middle value; zero where there is none.
    pub(crate) fn median(&self) -> f64 {
        let sorted = self.sorted();
        let middle = sorted.len() / 2;
        match (sorted.get(middle), sorted.get(middle.wrapping_sub(1))) {
            (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => (upper + lower) / 2.0,
            (Some(value), _) => *value,
            (None, _) => 0.0,
        }
    }

    /// `self / other`, round by round.
    pub(crate) fn ratio(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, another)| one / another).collect())
    }

    /// How many are less than `limit`, and how many there are.
    pub(crate) fn below(&self, limit: f64) -> (usize, usize) {
        (self.0.iter().filter(|value| **value < limit).count(), self.0.len())
    }

    /// Between these two lies the middle half; zeros where there is none.
    pub(crate) fn quartiles(&self) -> (f64, f64) {
        let sorted = self.sorted();
        let at = |place: usize| sorted.get(place).copied().unwrap_or_default();
        (at(sorted.len() / 4), at((sorted.len() * 3 / 4).min(sorted.len().saturating_sub(1))))
    }

    fn sorted(&self) -> Vec<f64> {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted
    }

    /// Lowest and highest.
    pub(crate) fn spread(&self) -> (f64, f64) {
        let lowest = self.0.iter().copied().fold(f64::INFINITY, f64::min);
        (lowest, self.0.iter().copied().fold(f64::NEG_INFINITY, f64::max))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn medians_ratios_and_spreads() {
        let of = |values: &[f64]| Samples(values.to_vec());
        assert_eq!(of(&[]).median(), 0.0);
        assert_eq!(of(&[3.0, 1.0, 2.0]).median(), 2.0);
        assert_eq!(of(&[4.0, 1.0, 2.0, 3.0]).median(), 2.5);
        assert_eq!((of(&[]).quartiles(), of(&[5.0]).quartiles()), ((0.0, 0.0), (5.0, 5.0)));
        assert_eq!(of(&[8.0, 1.0, 2.0, 7.0, 3.0, 6.0, 4.0, 5.0]).quartiles(), (3.0, 7.0));
        assert_eq!(of(&[0.5, 1.0, 2.0]).below(1.0), (1, 3));
        let ratio = of(&[4.0, 9.0]).ratio(&of(&[2.0, 3.0]));
        assert_eq!((ratio.median(), ratio.spread()), (2.5, (2.0, 3.0)));
    }
}
