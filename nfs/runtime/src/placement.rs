//! Which of the machine's cores an NF runs on. Its memory, shared with others or not, then comes from the NUMA node of these cores: the
//! system gives it where it is first written.

use rustix::thread::{CpuSet, sched_setaffinity};

use crate::StartError;
use crate::sections::{NfName, ProcessSettings};

/// Keeps this thread, and those that it starts, to the cores that the configuration names for the NF, if it does.
///
/// # Errors
/// There are no such cores, or this process may not use them.
pub(crate) fn pin(settings: &ProcessSettings, nf: NfName) -> Result<(), StartError> {
    let Some(cpus) = settings.cpus.get(&nf).filter(|cpus| !cpus.is_empty()) else { return Ok(()) };
    let mut wanted = CpuSet::new();
    // The configuration takes no number that a set has no place for.
    cpus.iter().map(|cpu| usize::from(*cpu)).filter(|cpu| *cpu < CpuSet::MAX_CPU).for_each(|cpu| wanted.set(cpu));
    sched_setaffinity(None, &wanted).map_err(|why| {
        StartError::config(format!("process.cpus.{}", nf.as_str()), format_args!("none of {cpus:?} can be used: {why}"))
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rustix::thread::sched_getaffinity;

    use super::*;

    fn settings(cpus: &[u16]) -> ProcessSettings {
        ProcessSettings { cpus: BTreeMap::from([(NfName::Udm, cpus.to_vec())]), ..ProcessSettings::default() }
    }

    #[test]
    fn an_nf_runs_where_it_is_told_and_others_anywhere() {
        // A thread of its own: those that it starts inherit, and no other does.
        std::thread::spawn(|| {
            let before = sched_getaffinity(None).expect("the system tells");
            let one = (0..CpuSet::MAX_CPU).find(|cpu| before.is_set(*cpu)).expect("there is one");
            for (nf, cpus) in [(NfName::Amf, vec![one as u16]), (NfName::Udm, vec![])] {
                pin(&settings(&cpus), nf).expect("nothing to do");
                assert_eq!(sched_getaffinity(None).expect("the system tells"), before);
            }
            pin(&settings(&[one as u16]), NfName::Udm).expect("it is there");
            let inherited = std::thread::spawn(|| sched_getaffinity(None).expect("the system tells"));
            let now = inherited.join().expect("no panic");
            assert!(now.is_set(one) && now.count() == 1);
            let error = pin(&settings(&[1023]), NfName::Udm).expect_err("no machine has that many");
            assert!(error.to_string().starts_with("process.cpus.udm: none of [1023] can be used"), "{error}");
        })
        .join()
        .expect("no panic");
    }
}
