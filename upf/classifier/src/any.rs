//! An algorithm that is chosen when the program runs.

use crate::{
    Auto, BitVector, Classifier, Invalid, Lanes, Linear, PartitionSort, Regions, Rule, RuleId, TupleMerge, TupleSpace,
};

/// A name, the variant, whether it is boxed: one list for all that goes by algorithm.
macro_rules! algorithms {
    ($($(#[$doc:meta])* $name:ident $text:literal),* $(,)?) => {
        /// Which algorithm.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
        pub enum Algorithm {
            /// The fastest measured for as many rules as there are.
            #[default]
            Auto,
            $($(#[$doc])* $name,)*
        }

        impl Algorithm {
            /// All, the default first.
            pub const ALL: &[Self] = &[Self::Auto, $(Self::$name),*];

            /// Its name in configurations and tables.
            pub const fn name(self) -> &'static str {
                match self {
                    Self::Auto => "auto",
                    $(Self::$name => $text,)*
                }
            }
        }

        impl std::fmt::Display for UnknownAlgorithm {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(concat!("none of auto", $(", ", $text),*))
            }
        }

        /// A classifier of any algorithm, laid out once. The default takes no more than it does alone.
        #[derive(Clone, Debug)]
        pub enum Any {
            /// See [`Auto`].
            Auto(Auto),
            $(
                #[doc = concat!("See [`", stringify!($name), "`].")]
                $name(Box<$name>),
            )*
        }

        impl Any {
            /// A classifier of these rules.
            ///
            /// # Errors
            /// [`Invalid`] for the first rule that is not taken.
            pub fn build(
                algorithm: Algorithm,
                dimensions: usize,
                rules: impl IntoIterator<Item = Rule>,
            ) -> Result<Self, Invalid> {
                Ok(match algorithm {
                    Algorithm::Auto => Self::Auto(Auto::build(dimensions, rules)?),
                    $(Algorithm::$name => Self::$name(Box::new($name::build(dimensions, rules)?)),)*
                })
            }

            /// Of the rules that match `key`, the one that counts.
            #[inline]
            pub fn lookup(&self, key: &[u32]) -> Option<RuleId> {
                match self {
                    Self::Auto(classifier) => classifier.lookup(key),
                    $(Self::$name(classifier) => classifier.lookup(key),)*
                }
            }
        }
    };
}

algorithms! {
    /// The rules one after the other.
    Linear "linear",
    /// The rules one after the other, eight at once.
    Lanes "lanes",
    /// Partitions that can be sorted, with a search tree each.
    PartitionSort "partition-sort",
    /// A hash table for each combination of prefix lengths.
    TupleSpace "tuple-space",
    /// Hash tables for similar combinations.
    TupleMerge "tuple-merge",
    /// A bit for each rule in the bins of three dimensions.
    BitVector "bit-vector",
    /// Bit vectors for regions of a dimension.
    Regions "regions",
}

impl std::str::FromStr for Algorithm {
    type Err = UnknownAlgorithm;

    fn from_str(text: &str) -> Result<Self, UnknownAlgorithm> {
        Self::ALL.iter().copied().find(|known| known.name() == text).ok_or(UnknownAlgorithm)
    }
}

impl std::fmt::Display for Algorithm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

/// No algorithm has this name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnknownAlgorithm;

impl std::error::Error for UnknownAlgorithm {}
