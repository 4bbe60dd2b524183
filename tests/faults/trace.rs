//! What a process has asked of its disk, and what a disk may have of that when the power goes away.
//!
//! Nothing is taken for granted but a sync that succeeded: of what was asked since then, a disk may have any
//! part, in any order, sector by sector; and a file may be of any length that lies between.

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::path::Path;

const SECTOR: usize = 512;
const PAGE: usize = 4096;

/// What `trace.c` has written down.
pub enum Entry {
    Write { name: String, at: usize, bytes: Vec<u8> },
    Length { name: String, length: usize },
    Unlink { name: String },
    Sync { name: String },
    FailedSync { name: String },
    Said(String),
}

pub fn read(trace: &Path) -> Vec<Entry> {
    let trace = std::fs::read(trace).unwrap();
    let (mut entries, mut rest) = (Vec::new(), trace.as_slice());
    while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
        let line = str::from_utf8(&rest[..end]).unwrap();
        let [what, name, number, length] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let (number, length): (usize, usize) = (number.parse().unwrap(), length.parse().unwrap());
        let (bytes, behind) = rest[end + 1..].split_at(length);
        rest = behind;
        let name = name.to_owned();
        entries.push(match what {
            "write" => Entry::Write { name, at: number, bytes: bytes.to_vec() },
            "length" => Entry::Length { name, length: number },
            "unlink" => Entry::Unlink { name },
            "sync" => Entry::Sync { name },
            "failed" => Entry::FailedSync { name },
            "said" => Entry::Said(String::from_utf8(bytes.to_vec()).unwrap()),
            _ => panic!("{line}"),
        });
    }
    entries
}

/// A folder, as its disk may have it.
#[derive(Default)]
pub struct Disk {
    files: Vec<File>,
    /// What each name has stood for since the folder was synced, first as it was then.
    names: HashMap<String, Vec<Option<usize>>>,
}

#[derive(Default)]
struct File {
    /// As the process sees it.
    now: Vec<u8>,
    /// As it was synced.
    synced: Vec<u8>,
    /// The sectors that were written since then, each in all the states that it had.
    written: BTreeMap<usize, Vec<[u8; SECTOR]>>,
    /// Those for which a sync has failed. No later one is for them, until their page is written to again.
    given_up: BTreeMap<usize, Vec<[u8; SECTOR]>>,
    /// The lengths that it had since then, and had then.
    lengths: Range<usize>,
}

impl Disk {
    pub fn play(&mut self, entry: &Entry) {
        match entry {
            Entry::Write { name, at, bytes } => self.file(name).write(*at, bytes),
            Entry::Length { name, length } => self.file(name).set_length(*length),
            Entry::Unlink { name } => self.names.get_mut(name).unwrap().push(None),
            Entry::Sync { name } if name == "." => {
                for stands_for in self.names.values_mut() {
                    stands_for.drain(..stands_for.len() - 1);
                }
            }
            Entry::Sync { name } => self.file(name).sync(),
            Entry::FailedSync { name } => self.file(name).give_up(),
            Entry::Said(_) => {}
        }
    }

    /// The file of that name, which is a new one if there is none.
    fn file(&mut self, name: &str) -> &mut File {
        let stands_for = self.names.entry(name.to_owned()).or_insert_with(|| vec![None]);
        let file = stands_for.last().copied().flatten().unwrap_or_else(|| {
            self.files.push(File::default());
            stands_for.push(Some(self.files.len() - 1));
            self.files.len() - 1
        });
        &mut self.files[file]
    }

    /// Makes the files as they may be when the power comes back.
    pub fn lose_power(&self, folder: &Path, chance: &mut fastrand::Rng) {
        for (name, stands_for) in sorted(&self.names) {
            if let Some(file) = chance.choice(stands_for).copied().flatten() {
                std::fs::write(folder.join(name), self.files[file].after_power_loss(chance)).unwrap();
            }
        }
    }
}

/// In the order of the names, which is the same each time.
fn sorted<T>(named: &HashMap<String, T>) -> Vec<(&String, &T)> {
    let mut sorted: Vec<_> = named.iter().collect();
    sorted.sort_by_key(|(name, _)| *name);
    sorted
}

impl File {
    fn write(&mut self, at: usize, bytes: &[u8]) {
        let end = at + bytes.len();
        let from = at.min(self.now.len());
        self.now.resize(end.max(self.now.len()), 0);
        self.now[at..end].copy_from_slice(bytes);
        self.note(from..end);
    }

    fn set_length(&mut self, length: usize) {
        let from = length.min(self.now.len());
        let until = length.max(self.now.len());
        self.now.resize(length, 0);
        self.note(from..until);
    }

    /// Keeps the sectors that lie in `changed` as they are now.
    fn note(&mut self, changed: Range<usize>) {
        for sector in changed.start / SECTOR..changed.end.div_ceil(SECTOR) {
            self.written.entry(sector).or_default().push(sector_of(&self.now, sector));
        }
        for page in changed.start / PAGE..changed.end.div_ceil(PAGE) {
            for sector in page * PAGE / SECTOR..(page + 1) * PAGE / SECTOR {
                if let Some(states) = self.given_up.remove(&sector) {
                    let now =
                        self.written.remove(&sector).unwrap_or_else(|| vec![sector_of(&self.now, sector)]);
                    self.written.insert(sector, [states, now].concat());
                }
            }
        }
        self.lengths.start = self.lengths.start.min(self.now.len());
        self.lengths.end = self.lengths.end.max(self.now.len());
    }

    fn give_up(&mut self) {
        for (sector, mut states) in std::mem::take(&mut self.written) {
            self.given_up.entry(sector).or_default().append(&mut states);
        }
    }

    fn sync(&mut self) {
        let length = self.now.len();
        self.synced.resize(length, 0);
        for sector in std::mem::take(&mut self.written).into_keys() {
            let bytes = sector * SECTOR..((sector + 1) * SECTOR).min(length);
            if !bytes.is_empty() {
                self.synced[bytes.clone()].copy_from_slice(&self.now[bytes]);
            }
        }
        self.lengths = length..length;
    }

    fn after_power_loss(&self, chance: &mut fastrand::Rng) -> Vec<u8> {
        let mut left = self.synced.clone();
        left.resize(self.lengths.end.next_multiple_of(SECTOR), 0);
        // Nothing of it, all of it, or some: none of these should be rare.
        let share = [0.0, 0.02, 0.5, 0.98, 1.0][chance.usize(..5)];
        for (sector, states) in self.given_up.iter().chain(&self.written) {
            if chance.f64() < share {
                let state = if share < 1.0 { chance.choice(states) } else { states.last() };
                left[sector * SECTOR..][..SECTOR].copy_from_slice(state.unwrap());
            }
        }
        let Range { start, end } = self.lengths;
        left.truncate(match chance.u8(..4) {
            0 => start,
            1 => chance.usize(start..=end),
            2 => self.now.len(),
            _ => end,
        });
        left
    }
}

/// What a sector has, and nothing behind the end.
fn sector_of(bytes: &[u8], sector: usize) -> [u8; SECTOR] {
    let mut state = [0; SECTOR];
    let rest = bytes.get(sector * SECTOR..).unwrap_or_default();
    let length = rest.len().min(SECTOR);
    state[..length].copy_from_slice(&rest[..length]);
    state
}
