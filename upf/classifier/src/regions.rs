//! Many rules, cut into regions as in CutSplit and CutTSS (Li et al., INFOCOM 2018 and 2020): along one dimension all rules
//! that are narrow there, along the next those that are narrow there of the others, and so on; what is wide
//! everywhere is left over. The rules of a region, some hundreds, are bit vectors: a look-up asks one region of each
//! dimension, and the rest.

use crate::bins::{Bins, MOST};
use crate::bit_vector::BitVector;
use crate::rows::Places;
use crate::vector::{Search, search};
use crate::{Classifier, Found, Interval, Invalid, MOST_DIMENSIONS, Rank, Rule, RuleId, check, checked};

/// So few rules are not cut any more.
const UNCUT: usize = 800;
/// Rules that a region is to have.
const REGION: usize = 100;
/// A rule that reaches into more regions than this is wide.
const WIDE: usize = 3;
/// A dimension is cut if no less than this share of the rules is narrow in it.
const NARROW_SHARE: usize = 8;
/// Dimensions that are cut.
const LEVELS: usize = 4;

/// A dimension in regions.
#[derive(Clone, Debug)]
struct Level {
    dimension: usize,
    bins: Bins,
    regions: Vec<BitVector>,
}

impl Level {
    /// The regions of a rule that is narrow here.
    fn reach(&self, field: &Interval) -> Option<std::ops::RangeInclusive<usize>> {
        narrow(&self.bins, field)
    }
}

fn narrow(bins: &Bins, field: &Interval) -> Option<std::ops::RangeInclusive<usize>> {
    Some(bins.reach(field)).filter(|reached| reached.end() - reached.start() < WIDE && bins.count() > WIDE)
}

/// Regions along a few dimensions, and the rules that are wide in all of these.
#[derive(Clone, Debug)]
pub struct Regions {
    dimensions: usize,
    levels: Vec<Level>,
    rest: BitVector,
    /// Where each rule is: the level, or the number of levels for the rest, and the first region.
    places: Places,
    /// Rules when they were laid out.
    laid_out: usize,
}

impl Regions {
    /// Rules that were checked, laid out anew.
    pub(crate) fn of(dimensions: usize, rules: Vec<Rule>) -> Self {
        let mut new = Self {
            dimensions,
            levels: Vec::new(),
            rest: BitVector::new(dimensions),
            places: Places::default(),
            laid_out: rules.len(),
        };
        let mut left = rules;
        while left.len() > UNCUT && new.levels.len() < LEVELS {
            let Some((dimension, bins)) = new.best_cut(&left) else { break };
            left = new.cut(dimension, bins, left);
        }
        left.iter().for_each(|rule| new.places.put(rule.id, new.levels.len() as u32, 0));
        new.rest = BitVector::of(dimensions, left);
        new
    }

    /// The dimension in which the most rules can be told from each other by regions.
    fn best_cut(&self, rules: &[Rule]) -> Option<(usize, Bins)> {
        let uncut =
            (0..self.dimensions).filter(|dimension| self.levels.iter().all(|level| level.dimension != *dimension));
        let cuts = uncut.map(|dimension| {
            let fields = || rules.iter().map(|rule| rule.fields[dimension]);
            let bins =
                Bins::new(fields().filter(|field| *field != Interval::ANY), (rules.len() / REGION).clamp(8, MOST));
            let mut sizes = vec![0; bins.count()];
            fields()
                .filter_map(|field| narrow(&bins, &field))
                .for_each(|mut reached| sizes[reached.next().unwrap_or(0)] += 1);
            let all: usize = sizes.iter().sum();
            // Of those that are narrow, a packet meets the ones of its region.
            let met = sizes.iter().map(|size| size * size).sum::<usize>() / all.max(1);
            (all - met.min(all), dimension, bins)
        });
        let best = cuts.max_by_key(|(gained, dimension, _)| (*gained, std::cmp::Reverse(*dimension)));
        best.filter(|(gained, ..)| *gained > rules.len() / NARROW_SHARE).map(|(_, dimension, bins)| (dimension, bins))
    }

    /// Adds a level with the rules that are narrow in the dimension. The others.
    fn cut(&mut self, dimension: usize, bins: Bins, rules: Vec<Rule>) -> Vec<Rule> {
        let mut regions = vec![Vec::new(); bins.count()];
        let mut wide = Vec::new();
        for rule in rules {
            let Some(reached) = narrow(&bins, &rule.fields[dimension]) else {
                wide.push(rule);
                continue;
            };
            self.places.put(rule.id, self.levels.len() as u32, *reached.start() as u32);
            reached.for_each(|region| regions[region].push(rule.clone()));
        }
        let regions = regions.into_iter().map(|rules| BitVector::of(self.dimensions, rules)).collect();
        self.levels.push(Level { dimension, bins, regions });
        wide
    }

    /// The best rule for a key that is too short to go by.
    #[cold]
    fn best_of_all(&self, key: &[u32], bound: Rank) -> Found {
        self.parts_with().filter_map(|(_, part)| part.best(key, bound)).min()
    }

    fn parts_with(&self) -> impl Iterator<Item = ((u32, u32), &BitVector)> {
        let levels = self.levels.iter().zip(0..);
        let regions = levels.flat_map(|(level, place)| {
            level.regions.iter().zip(0..).map(move |(part, region)| ((place, region), part))
        });
        regions.chain([((self.levels.len() as u32, 0), &self.rest)])
    }

    pub(crate) fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// All rules, each once.
    pub(crate) fn rules(&self) -> Vec<Rule> {
        let mut rules = Vec::with_capacity(self.len());
        for (place, part) in self.parts_with() {
            rules.extend(part.rules().into_iter().filter(|rule| self.places.get(rule.id) == Some(place)));
        }
        rules
    }
}

impl Search for Regions {
    #[inline(always)]
    fn best(&self, key: &[u32], bound: Rank) -> Found {
        if key.len() < self.dimensions {
            return self.best_of_all(key, bound);
        }
        let mut found = bound;
        for level in &self.levels {
            let region = &level.regions[level.bins.bin(key[level.dimension])];
            found = region.best(key, found).unwrap_or(found);
        }
        self.rest.best(key, found).or((found < bound).then_some(found))
    }
}

impl Classifier for Regions {
    fn new(dimensions: usize) -> Self {
        Self::of(dimensions.min(MOST_DIMENSIONS), Vec::new())
    }

    fn lookup(&self, key: &[u32]) -> Option<RuleId> {
        search(self, key).map(Rank::id)
    }

    fn insert(&mut self, rule: Rule) -> Result<(), Invalid> {
        check(self.dimensions, &rule)?;
        self.places.vacant(rule.id)?;
        let narrow = self.levels.iter_mut().zip(0..).find_map(|(level, place)| {
            let reached = level.reach(&rule.fields[level.dimension])?;
            Some((level, place, reached))
        });
        match narrow {
            Some((level, place, reached)) => {
                self.places.put(rule.id, place, *reached.start() as u32);
                level.regions[reached].iter_mut().for_each(|region| region.add(rule.clone()));
            }
            None => {
                self.places.put(rule.id, self.levels.len() as u32, 0);
                self.rest.add(rule);
            }
        }
        if self.len() > UNCUT.max(2 * self.laid_out) {
            *self = Self::of(self.dimensions, self.rules());
        }
        Ok(())
    }

    fn delete(&mut self, id: RuleId) -> bool {
        let Some((place, region)) = self.places.take(id) else { return false };
        let Some(level) = self.levels.get_mut(place as usize) else { return self.rest.delete(id) };
        let field = level.regions[region as usize].interval(id, level.dimension);
        let reached = field.and_then(|field| level.reach(&field)).into_iter().flatten();
        for region in reached {
            level.regions[region].delete(id);
        }
        if self.len() < self.laid_out / 4 {
            *self = Self::of(self.dimensions, self.rules());
        }
        true
    }

    fn len(&self) -> usize {
        self.places.len()
    }

    fn memory(&self) -> usize {
        let level = |level: &Level| {
            size_of::<Level>() + level.regions.capacity().saturating_sub(level.regions.len()) * size_of::<BitVector>()
        };
        let parts: usize = self.parts_with().map(|(_, part)| part.memory()).sum();
        let own = size_of::<Self>() - size_of::<BitVector>() + self.places.memory();
        own + parts + self.levels.iter().map(level).sum::<usize>()
    }

    fn parts(&self) -> usize {
        self.levels.len() + 1
    }

    fn build(dimensions: usize, rules: impl IntoIterator<Item = Rule>) -> Result<Self, Invalid> {
        let (dimensions, rules) = checked(dimensions, rules)?;
        Ok(Self::of(dimensions, rules))
    }
}
