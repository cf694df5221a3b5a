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
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
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
        let ratio = of(&[4.0, 9.0]).ratio(&of(&[2.0, 3.0]));
        assert_eq!((ratio.median(), ratio.spread()), (2.5, (2.0, 3.0)));
    }
}
