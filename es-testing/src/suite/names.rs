//! Names by chance.

use fastrand::Rng;
use std::collections::BTreeSet;

/// What means something to a database, a server, a file or a terminal, and what is easily taken for something else.
const ODD: &str = "\0\u{1}\t\n\r !\"#$%&'(*+,-./0:;<>?Aa[\\^_`{|~\u{7f}\u{85}\u{e9}\u{301}\u{feff}\u{ffff}\u{1f980}\u{10ffff}";

/// So many different names, of which many begin with another one. None is empty.
pub(super) fn names(seed: u64, count: usize) -> BTreeSet<String> {
    let odd: Vec<char> = ODD.chars().collect();
    let mut random = Rng::with_seed(seed);
    let mut names = BTreeSet::new();
    while names.len() < count {
        let beginning = names.iter().nth(random.usize(..=names.len())).cloned();
        let mut name: String = beginning.filter(|_| random.bool()).unwrap_or_default();
        for _ in 0..random.usize(1..6) {
            name.push(if random.u8(..5) == 0 { random.char(..) } else { odd[random.usize(..odd.len())] });
        }
        names.insert(name);
    }
    names
}
