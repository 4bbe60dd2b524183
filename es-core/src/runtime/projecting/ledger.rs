//! Which builds of a projection there are, which one is read, and which one shall be.

use serde::{Deserialize, Serialize};
use std::fmt;
use std::sync::Arc;

/// One build of a projection: a version of the code, and which time it was built with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(super) struct BuildId {
    pub version: u32,
    pub n: u32,
}

/// Of a copy, which stands in no ledger.
pub(super) const COPY: BuildId = BuildId { version: 0, n: 0 };

impl fmt::Display for BuildId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.version, self.n)
    }
}

/// A build with the names that it is stored under.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Build {
    pub id: BuildId,
    /// Its processor, and the collection of its documents.
    pub processor: Arc<str>,
}

impl Build {
    pub fn of(projection: &str, id: BuildId) -> Self {
        Self { id, processor: format!("projection.{projection}@{id}").into() }
    }
}

/// A build that is kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Entry {
    build: BuildId,
    fingerprint: u64,
}

/// What is known of the builds of one projection; a document of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    /// The build that is read.
    pub live: BuildId,
    /// The build that shall be read as soon as it has come as far. The app that was built last says which.
    pub target: BuildId,
    builds: Vec<Entry>,
    /// Builds that nobody reads any more, until they are forgotten.
    pub retired: Vec<BuildId>,
}

impl Ledger {
    /// The first build of a new projection is read at once.
    pub fn new(version: u32, fingerprint: u64) -> Self {
        let first = BuildId { version, n: 1 };
        let builds = vec![Entry { build: first, fingerprint }];
        Self { live: first, target: first, builds, retired: Vec::new() }
    }

    /// The kept builds of a version.
    pub fn of_version(&self, version: u32) -> impl Iterator<Item = BuildId> {
        self.builds.iter().map(|entry| entry.build).filter(move |build| build.version == version)
    }

    pub fn keeps(&self, build: BuildId) -> bool {
        self.builds.iter().any(|entry| entry.build == build)
    }

    /// Whether a build waits to take the place of the one that is read.
    pub fn is_switching(&self) -> bool {
        self.live != self.target
    }

    /// The version to take instead, if this one was built of another shape.
    pub fn other_shape(&self, version: u32, fingerprint: u64) -> Option<u32> {
        let differs = |entry: &Entry| entry.build.version == version && entry.fingerprint != fingerprint;
        let newest = self.builds.iter().map(|entry| entry.build.version).max();
        self.builds.iter().any(differs).then(|| newest.unwrap_or(version) + 1)
    }

    /// The build to compare with what the code of a version makes of the log: the one that is read, or else
    /// the newest.
    pub fn to_compare(&self, version: u32) -> Option<BuildId> {
        self.of_version(version).max_by_key(|build| (*build == self.live, build.n))
    }

    /// With this version as the one that shall be read; its newest build, or a first one.
    pub fn opened(mut self, version: u32, fingerprint: u64) -> Self {
        self.target = match self.of_version(version).max_by_key(|build| build.n) {
            Some(build) => build,
            None => self.begin(version, fingerprint),
        };
        self
    }

    /// With one more build of this version, which shall be read.
    pub fn rebuilt(mut self, version: u32, fingerprint: u64) -> Self {
        let live = self.live;
        self.target = self.begin(version, fingerprint);
        let target = self.target;
        self.retire(|build| build.version == version && build != live && build != target);
        self
    }

    /// With this build as the one that is read. An older build of its version is of no use any more; of the
    /// other versions the one that was read until now is kept, for the way back.
    pub fn switched(mut self, to: BuildId) -> Self {
        let before = self.live;
        self.live = to;
        if before.version == to.version {
            self.retire(|build| build.version == to.version && build.n < to.n);
        } else {
            self.retire(|build| build.version != to.version && build.version != before.version);
        }
        self
    }

    /// Without a build that was forgotten.
    pub fn forgotten(mut self, build: BuildId) -> Self {
        self.retired.retain(|retired| *retired != build);
        self
    }

    fn begin(&mut self, version: u32, fingerprint: u64) -> BuildId {
        let known = self.builds.iter().map(|entry| entry.build).chain(self.retired.iter().copied());
        let last = known.filter(|build| build.version == version).map(|build| build.n).max();
        let build = BuildId { version, n: last.unwrap_or(0) + 1 };
        self.builds.push(Entry { build, fingerprint });
        build
    }

    fn retire(&mut self, is_retired: impl Fn(BuildId) -> bool) {
        let (retired, kept) = self.builds.drain(..).partition(|entry| is_retired(entry.build));
        self.builds = kept;
        self.retired.extend(retired.into_iter().map(|entry: Entry| entry.build));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(version: u32, n: u32) -> BuildId {
        BuildId { version, n }
    }

    #[test]
    fn a_new_version_waits_beside_the_live_one_and_leaves_it_for_the_way_back() {
        let ledger = Ledger::new(1, 7).opened(2, 8);
        assert_eq!((ledger.live, ledger.target), (id(1, 1), id(2, 1)));
        let ledger = ledger.switched(id(2, 1));
        assert!(ledger.keeps(id(1, 1)) && ledger.retired.is_empty() && !ledger.is_switching());
        let back = ledger.opened(1, 7);
        assert_eq!((back.live, back.target), (id(2, 1), id(1, 1)));
    }

    #[test]
    fn a_third_version_retires_the_first() {
        let ledger = Ledger::new(1, 7).opened(2, 8).switched(id(2, 1)).opened(3, 9).switched(id(3, 1));
        assert_eq!(ledger.retired, [id(1, 1)]);
        assert!(ledger.keeps(id(2, 1)));
    }

    #[test]
    fn a_rebuild_retires_what_it_replaces() {
        let ledger = Ledger::new(1, 7).rebuilt(1, 7);
        assert_eq!((ledger.live, ledger.target), (id(1, 1), id(1, 2)));
        let again = ledger.rebuilt(1, 7);
        assert_eq!((again.target, again.retired.as_slice()), (id(1, 3), [id(1, 2)].as_slice()));
        assert_eq!(again.switched(id(1, 3)).retired, [id(1, 2), id(1, 1)]);
    }

    #[test]
    fn a_number_is_not_used_again_while_its_build_is_still_stored() {
        let ledger = Ledger::new(1, 7).rebuilt(1, 7).switched(id(1, 2));
        assert_eq!(ledger.retired, [id(1, 1)]);
        assert_eq!(ledger.clone().rebuilt(1, 7).target, id(1, 3));
        assert!(ledger.forgotten(id(1, 1)).retired.is_empty());
    }

    #[test]
    fn what_is_compared_is_of_the_version_that_compares() {
        let ledger = Ledger::new(1, 7).opened(2, 8).rebuilt(2, 8);
        assert_eq!(ledger.to_compare(1), Some(id(1, 1)));
        assert_eq!(ledger.to_compare(2), Some(id(2, 2)));
        assert_eq!(ledger.to_compare(3), None);
        assert_eq!(
            Ledger::new(1, 7).rebuilt(1, 7).to_compare(1),
            Some(id(1, 1)),
            "it is the one that is read"
        );
    }

    #[test]
    fn another_shape_needs_a_version_that_nobody_has_used() {
        let ledger = Ledger::new(1, 7).opened(2, 8);
        assert_eq!(ledger.other_shape(1, 7), None);
        assert_eq!(ledger.other_shape(1, 6), Some(3));
        assert_eq!(ledger.other_shape(4, 6), None);
    }
}
