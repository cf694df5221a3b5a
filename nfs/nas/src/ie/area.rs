//! Tracking areas (TS 24.501 9.11.3.8, 9.11.3.9).

use super::{Element, Plmn};

/// Tracking area identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Tai {
    /// The network.
    pub plmn: Plmn,
    /// The area's code, 24 bits.
    pub tac: u32,
}

impl Element for Tai {
    fn decode(octets: &[u8]) -> Option<Self> {
        let [p0, p1, p2, t0, t1, t2] = octets.try_into().ok()?;
        Some(Self { plmn: Plmn::from_octets([p0, p1, p2])?, tac: u32::from_be_bytes([0, t0, t1, t2]) })
    }

    fn encode(&self) -> Vec<u8> {
        [self.plmn.to_octets(), tac_octets(self.tac)].concat()
    }
}

fn tac_octets(tac: u32) -> [u8; 3] {
    let [_, octets @ ..] = tac.to_be_bytes();
    octets
}

/// A registration area: 1 to 16 tracking areas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TaiList(pub Vec<Tai>);

/// The most areas a list holds.
const MOST: usize = 16;

impl Element for TaiList {
    fn decode(octets: &[u8]) -> Option<Self> {
        let mut areas = Vec::new();
        let mut rest = octets;
        while let Some((first, after)) = rest.split_first() {
            let count = usize::from(first & 0x1f) + 1;
            if areas.len() + count > MOST {
                return None;
            }
            rest = match (first >> 5) & 0x03 {
                0 => partial_list(after, count, &mut areas)?,
                1 => consecutive_list(after, count, &mut areas)?,
                2 => {
                    let (list, next) = after.split_at_checked(count * 6)?;
                    for area in list.chunks_exact(6) {
                        areas.push(Tai::decode(area)?);
                    }
                    next
                }
                _ => return None,
            };
        }
        (!areas.is_empty()).then_some(Self(areas))
    }

    /// One partial list of type 0 per network. Areas beyond 16 are left out.
    fn encode(&self) -> Vec<u8> {
        let mut octets = Vec::new();
        let areas = self.0.get(..MOST).unwrap_or(&self.0);
        for group in areas.chunk_by(|a, b| a.plmn == b.plmn) {
            let Some(first) = group.first() else { continue };
            octets.push(u8::try_from(group.len() - 1).unwrap_or(0x0f));
            octets.extend(first.plmn.to_octets());
            octets.extend(group.iter().flat_map(|area| tac_octets(area.tac)));
        }
        octets
    }
}

fn plmn_of(octets: &[u8]) -> Option<(Plmn, &[u8])> {
    let (plmn, rest) = octets.split_first_chunk()?;
    Some((Plmn::from_octets(*plmn)?, rest))
}

fn partial_list<'a>(octets: &'a [u8], count: usize, areas: &mut Vec<Tai>) -> Option<&'a [u8]> {
    let (plmn, rest) = plmn_of(octets)?;
    let (tacs, next) = rest.split_at_checked(count * 3)?;
    for tac in tacs.chunks_exact(3) {
        areas.push(Tai { plmn, tac: tac.iter().fold(0, |tac, octet| tac << 8 | u32::from(*octet)) });
    }
    Some(next)
}

fn consecutive_list<'a>(octets: &'a [u8], count: usize, areas: &mut Vec<Tai>) -> Option<&'a [u8]> {
    let (plmn, rest) = plmn_of(octets)?;
    let ([t0, t1, t2], next) = rest.split_first_chunk()?;
    let first = u32::from_be_bytes([0, *t0, *t1, *t2]);
    areas.extend((first..).take(count).map(|tac| Tai { plmn, tac: tac & 0x00ff_ffff }));
    Some(next)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tai(tac: u32) -> Tai {
        Tai { plmn: Plmn::new("999", "70").expect("digits"), tac }
    }

    #[test]
    fn the_three_forms() {
        let list = TaiList(vec![tai(1), tai(5)]);
        assert_eq!(list.encode(), [0x01, 0x99, 0xf9, 0x07, 0, 0, 1, 0, 0, 5]);
        assert_eq!(TaiList::decode(&list.encode()), Some(list));
        let consecutive = [0x22, 0x99, 0xf9, 0x07, 0, 0, 1];
        assert_eq!(TaiList::decode(&consecutive), Some(TaiList(vec![tai(1), tai(2), tai(3)])));
        let several = [0x41, 0x99, 0xf9, 0x07, 0, 0, 1, 0x99, 0xf9, 0x07, 0, 0, 9];
        assert_eq!(TaiList::decode(&several), Some(TaiList(vec![tai(1), tai(9)])));
    }

    #[test]
    fn more_areas_than_fit_is_no_list() {
        assert_eq!(TaiList::decode(&[0x30, 0x99, 0xf9, 0x07, 0, 0, 1]), None);
        assert_eq!(TaiList::decode(&[0x00, 0x99, 0xf9, 0x07, 0, 0]), None);
        assert_eq!(TaiList::decode(&[]), None);
    }
}
