//! Lists that are nearly always short.

use std::ops::Deref;

/// A list of up to `N` things in place, of more elsewhere. What a packet needs of an ordinary session lies in the session
/// then, and not a pointer away.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Few<T, const N: usize, P = Box<[T]>> {
    Here([Option<T>; N]),
    There(P),
}

impl<T, const N: usize, P: Deref<Target = [T]>> Few<T, N, P> {
    /// These things, and where they lie if they are many.
    pub(crate) fn of(things: Vec<T>, there: impl FnOnce(Vec<T>) -> P) -> Self {
        if things.len() > N {
            return Self::There(there(things));
        }
        let mut things = things.into_iter();
        Self::Here(std::array::from_fn(|_| things.next()))
    }

    pub(crate) fn get(&self, place: usize) -> Option<&T> {
        match self {
            Self::Here(things) => things.get(place)?.as_ref(),
            Self::There(things) => things.get(place),
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        let (here, there): (&[Option<T>], &[T]) = match self {
            Self::Here(things) => (things, &[]),
            Self::There(things) => (&[], things),
        };
        here.iter().flatten().chain(there)
    }

    /// The things that lie elsewhere.
    pub(crate) fn elsewhere(&self) -> &[T] {
        match self {
            Self::Here(_) => &[],
            Self::There(things) => things,
        }
    }
}

impl<T, const N: usize> Few<T, N> {
    pub(crate) fn get_mut(&mut self, place: usize) -> Option<&mut T> {
        match self {
            Self::Here(things) => things.get_mut(place)?.as_mut(),
            Self::There(things) => things.get_mut(place),
        }
    }

    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let (here, there): (&mut [Option<T>], &mut [T]) = match self {
            Self::Here(things) => (things, &mut []),
            Self::There(things) => (&mut [], things),
        };
        here.iter_mut().flatten().chain(there)
    }
}

impl<T: PartialEq, const N: usize> Few<T, N> {
    pub(crate) fn contains(&self, thing: &T) -> bool {
        self.iter().any(|other| other == thing)
    }
}

impl<T, const N: usize> FromIterator<T> for Few<T, N> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut things = things.into_iter().fuse();
        let here = std::array::from_fn(|_| things.next());
        match things.next() {
            None => Self::Here(here),
            Some(next) => Self::There(here.into_iter().flatten().chain([next]).chain(things).collect()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_or_long_it_is_the_same_list() {
        for length in 0..6u8 {
            let mut list: Few<u8, 3> = (0..length).collect();
            assert_eq!(matches!(list, Few::Here(_)), length <= 3);
            assert_eq!(list.iter().copied().collect::<Vec<_>>(), (0..length).collect::<Vec<_>>());
            assert_eq!(list.get(length.into()), None);
            assert!((0..length).all(|thing| list.contains(&thing) && list.get(thing.into()) == Some(&thing)));
            list.iter_mut().for_each(|thing| *thing += 1);
            assert_eq!((list.get(0).copied(), list.get_mut(length.into())), ((length > 0).then_some(1), None));
        }
    }
}
