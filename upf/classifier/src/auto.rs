//! The classifier for any number of rules: what was measured to be the fastest for as many (docs/measurements/classifier.md).

use crate::{BitVector, Classifier, Invalid, Lanes, Linear, MOST_DIMENSIONS, Regions, Rule, RuleId, checked};

/// Rules of a list at most.
const FEW: usize = 2;
/// Rules of lanes at most.
const SOME: usize = 128;
/// Rules of bit vectors at most.
const MANY: usize = 5000;

/// A list, lanes, bit vectors or regions of these, by the number of rules. With a few it is as small as they are.
#[derive(Clone, Debug)]
pub struct Auto(Form);

#[derive(Clone, Debug)]
enum Form {
    List(Linear),
    Lanes(Lanes),
    Bits(Box<BitVector>),
    Regions(Box<Regions>),
}

/// Does the same with whatever form it is.
macro_rules! each {
    ($form:expr, $classifier:ident => $do:expr) => {
        match $form {
            Form::List($classifier) => $do,
            Form::Lanes($classifier) => $do,
            Form::Bits($classifier) => $do,
            Form::Regions($classifier) => $do,
        }
    };
}

impl Form {
    /// Rules that were checked.
    fn of(dimensions: usize, rules: Vec<Rule>) -> Self {
        if rules.len() <= FEW {
            Self::List(Linear::of(dimensions, rules))
        } else if rules.len() <= SOME {
            Self::Lanes(Lanes::of(dimensions, rules))
        } else if rules.len() <= MANY {
            Self::Bits(Box::new(BitVector::of(dimensions, rules)))
        } else {
            Self::Regions(Box::new(Regions::of(dimensions, rules)))
        }
    }

    /// Whether another form is due. It changes well above and well below the thresholds: not to and fro.
    fn outgrown(&self) -> bool {
        match self {
            Self::List(list) => list.len() > FEW,
            Self::Lanes(lanes) => lanes.len() > SOME + SOME / 4 || lanes.len() < FEW,
            Self::Bits(bits) => bits.len() > MANY + MANY / 4 || bits.len() < SOME / 2,
            Self::Regions(regions) => regions.len() < MANY / 2,
        }
    }

    fn rules(&self) -> Vec<Rule> {
        each!(self, classifier => classifier.rules())
    }
}

impl Auto {
    fn fit(&mut self) {
        if self.0.outgrown() {
            let dimensions = each!(&self.0, classifier => classifier.dimensions());
            self.0 = Form::of(dimensions, self.0.rules());
        }
    }
}

impl Classifier for Auto {
    fn new(dimensions: usize) -> Self {
        Self(Form::of(dimensions.min(MOST_DIMENSIONS), Vec::new()))
    }

    #[inline]
    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        each!(&self.0, classifier => classifier.lookup(key))
    }

    fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
        each!(&mut self.0, classifier => classifier.insert(rule))?;
        self.fit();
        Ok(())
    }

    fn delete(&mut self, id: RuleId) -> bool {
        let deleted = each!(&mut self.0, classifier => classifier.delete(id));
        self.fit();
        deleted
    }

    fn len(&self) -> usize {
        each!(&self.0, classifier => classifier.len())
    }

    fn memory(&self) -> usize {
        let boxed = match &self.0 {
            Form::List(list) => list.memory() - size_of::<Linear>(),
            Form::Lanes(lanes) => lanes.memory() - size_of::<Lanes>(),
            Form::Bits(bits) => bits.memory(),
            Form::Regions(regions) => regions.memory(),
        };
        size_of::<Self>() + boxed
    }

    fn parts(&self) -> usize {
        each!(&self.0, classifier => classifier.parts())
    }

    fn build(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let (dimensions, rules) = checked(dimensions, rules)?;
        Ok(Self(Form::of(dimensions, rules)))
    }
}
