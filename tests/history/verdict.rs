//! Whether a log bears out what a store has answered.

use super::{Answer, Attempt, History, read};
use es_core::StreamId;
use es_core::store::{Commit, EventStore, Expected, StoredEvent};
use std::collections::HashMap;
use std::fmt;
use uuid::Uuid;

/// What is wrong, and how much was looked at.
#[derive(Debug, Default)]
pub struct Verdict {
    /// What is wrong; empty if nothing is.
    pub violations: Vec<String>,
    /// How much was looked at.
    pub figures: Figures,
}

/// How much was looked at.
#[derive(Clone, Copy, Debug, Default)]
pub struct Figures {
    /// Events in the log.
    pub events: usize,
    /// Calls of `append`.
    pub attempts: usize,
    /// Different commits that were answered to be stored.
    pub acknowledged: usize,
    /// Commits that were refused.
    pub refused: usize,
    /// Calls whose outcome was unknown, or that were never answered.
    pub unknown: usize,
    /// Commits with such a call of which it was told later what became of them.
    pub settled: usize,
    /// Commits that are stored though nobody ever heard so.
    pub unheard: usize,
}

impl fmt::Display for Figures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events, attempts, acknowledged, refused, unknown, settled, unheard } = self;
        write!(
            f,
            "{events} events, {attempts} attempts, {acknowledged} commits acknowledged, {refused} refused, \
             {unknown} answers unknown, {settled} of these commits settled, {unheard} stored unheard"
        )
    }
}

impl Verdict {
    /// Whether the log of this store bears out a history, which has all of the log's commits, and is what is read
    /// of each stream.
    pub async fn of(store: &dyn EventStore, history: &History) -> Self {
        let (log, streams) = read::all(store).await;
        let mut verdict = Self::default();
        verdict.look_at(&log, &history.attempts(), store.capabilities().dense_positions);
        for (stream, (events, version)) in streams {
            verdict.stream(&log, &stream, &events, version);
        }
        verdict
    }

    /// Fails the test if anything is wrong, and tells the figures.
    pub fn holds(&self, of: &str) -> Figures {
        let some: Vec<_> = self.violations.iter().take(20).collect();
        assert!(some.is_empty(), "{of}: {} violations: {some:#?}", self.violations.len());
        println!("{of}: {}", self.figures);
        self.figures
    }

    pub(super) fn look_at(&mut self, log: &[StoredEvent], attempts: &[Attempt], is_dense: bool) {
        self.order(log, is_dense);
        let places: HashMap<Uuid, usize> =
            log.iter().enumerate().map(|(place, event)| (event.id, place)).collect();
        let commits = by_commit(attempts);
        let mut found = 0;
        for attempts in commits.values() {
            found += self.outcome(log, &places, attempts);
        }
        if found != log.len() {
            self.say(format!("{} events in the log are nobody's", log.len() - found));
        }
        self.past(&places, log, attempts, &commits);
        self.fences(&places, &commits);
        self.figures.events = log.len();
        self.figures.attempts = attempts.len();
    }

    fn say(&mut self, violation: String) {
        self.violations.push(violation);
    }

    /// Positions rise, versions are dense, times do not go back, ids are not there twice.
    fn order(&mut self, log: &[StoredEvent], is_dense: bool) {
        let mut versions = HashMap::new();
        let mut ids = HashMap::new();
        let mut last: Option<&StoredEvent> = None;
        for event in log {
            let before = last.map_or(0, |last| last.position.0);
            if event.position.0 <= before || (is_dense && event.position.0 != before + 1) {
                self.say(format!("position {} follows {before}", event.position.0));
            }
            if last.is_some_and(|last| last.stored_at > event.stored_at) {
                self.say(format!("the time goes back at position {}", event.position.0));
            }
            let version = versions.entry(&event.stream).or_insert(0);
            *version += 1;
            if event.version != *version {
                self.say(format!("{} has version {} where {version} is due", event.stream, event.version));
            }
            if let Some(first) = ids.insert(event.id, event.position.0) {
                self.say(format!("event {} is at {first} and at {}", event.id, event.position.0));
            }
            last = Some(event);
        }
    }

    /// What is read of a stream, against the log.
    pub(super) fn stream(
        &mut self,
        log: &[StoredEvent],
        stream: &StreamId,
        events: &[StoredEvent],
        version: u64,
    ) {
        let due: Vec<_> = log.iter().filter(|event| event.stream == *stream).collect();
        if due.len() != events.len() {
            let (read, due) = (events.len(), due.len());
            self.say(format!("a stream is read with {read} events where the log has {due}: {stream}"));
        } else if let Some(at) = due.iter().zip(events).position(|(due, event)| *due != event) {
            self.say(format!("the {}th event of {stream} is another one than in the log", at + 1));
        }
        if version != due.len() as u64 {
            self.say(format!("the head of {stream} is {version} where the log has {}", due.len()));
        }
    }

    /// What became of a commit, against what was said of it. Answers how many of its events are there.
    fn outcome(
        &mut self,
        log: &[StoredEvent],
        places: &HashMap<Uuid, usize>,
        attempts: &[&Attempt],
    ) -> usize {
        let commit = &attempts[0].commit;
        let name = first_id(commit);
        let wanted: Vec<_> =
            commit.parts.iter().flat_map(|part| part.events.iter().map(move |event| (part, event))).collect();
        let found: Vec<usize> =
            wanted.iter().filter_map(|(_, event)| places.get(&event.id).copied()).collect();
        let is_there = !found.is_empty();
        if is_there && found.len() != wanted.len() {
            self.say(format!("commit {name} is stored in part: {} of {}", found.len(), wanted.len()));
            return found.len();
        }
        if is_there && !found.windows(2).all(|pair| pair[1] == pair[0] + 1) {
            self.say(format!("commit {name} is torn apart: {found:?}"));
        }
        for (place, (part, event)) in found.iter().zip(&wanted) {
            let stored = &log[*place];
            let is_equal = stored.stream == part.stream
                && stored.name == event.name
                && stored.schema == event.schema
                && stored.recorded_at == event.recorded_at
                && stored.payload.as_ref() == Some(&event.payload)
                && stored.metadata == event.metadata;
            if !is_equal {
                self.say(format!("event {} of commit {name} is not what was sent", event.id));
            }
        }
        if is_there {
            self.expectations(log, places, commit);
        }
        self.answers(log, &found, attempts);
        found.len()
    }

    /// Each version was written by a commit that expected the one before.
    fn expectations(&mut self, log: &[StoredEvent], places: &HashMap<Uuid, usize>, commit: &Commit) {
        for part in &commit.parts {
            let first = log[places[&part.events[0].id]].version;
            let holds = match part.expected {
                Expected::Any => true,
                Expected::NoStream => first == 1,
                Expected::Exists => first > 1,
                Expected::Exact(expected) => first == expected + 1,
            };
            if !holds {
                let name = first_id(commit);
                self.say(format!("commit {name} is at version {first}, and expected {:?}", part.expected));
            }
        }
    }

    /// What was said of one commit, in the order in which it was sent.
    fn answers(&mut self, log: &[StoredEvent], found: &[usize], attempts: &[&Attempt]) {
        let name = first_id(&attempts[0].commit);
        let answers: Vec<_> =
            attempts.iter().map(|attempt| attempt.answered.as_ref().map(|(_, answer)| answer)).collect();
        let stored =
            answers.iter().flatten().filter(|answer| matches!(answer, Answer::Stored { .. })).count();
        let unknown = answers.iter().filter(|answer| matches!(answer, None | Some(Answer::Unknown))).count();
        let is_refused = answers.iter().flatten().any(|answer| answer.is_final()) && stored == 0;
        self.figures.acknowledged += usize::from(stored > 0);
        self.figures.refused += usize::from(is_refused);
        self.figures.unknown += unknown;
        self.figures.settled += usize::from(unknown > 0 && (stored > 0 || is_refused));
        let Some(&last) = found.last() else {
            if stored > 0 {
                self.say(format!("commit {name} was acknowledged, and is lost"));
            }
            return;
        };
        if stored == 0 {
            self.figures.unheard += 1;
            if unknown == 0 || is_refused {
                self.say(format!("commit {name} is stored, though it was said not to be: {answers:?}"));
            }
        }
        let is_first = |answer: &&&Answer| matches!(answer, Answer::Stored { duplicate: false, .. });
        if answers.iter().flatten().filter(is_first).count() > 1 {
            self.say(format!("commit {name} was stored for the first time more than once"));
        }
        // Its place and its bytes tell that what is stored is what was sent, so that the store can know it.
        if let Some(Some(Answer::Stored { duplicate: true, .. })) = answers.first() {
            self.say(format!("commit {name} was called a duplicate when it was sent for the first time"));
        }
        for answer in answers.into_iter().flatten() {
            self.place(&name, answer, &log[last], &attempts[0].commit);
        }
    }

    /// Where a commit is said to be, against where it is.
    fn place(&mut self, name: &Uuid, answer: &Answer, last: &StoredEvent, commit: &Commit) {
        let Answer::Stored { duplicate, position, versions } = answer else { return };
        let is_right = if *duplicate { *position >= last.position } else { *position == last.position };
        if !is_right {
            self.say(format!("commit {name} ends at {}, and {position} was answered", last.position));
        }
        let head = versions.last().copied().unwrap_or_default();
        if versions.len() != commit.parts.len() || head < last.version {
            self.say(format!(
                "commit {name} ends at version {}, and {versions:?} were answered",
                last.version
            ));
        }
    }

    /// What was answered before a commit was sent stands before it, and it was decided on no older state.
    fn past(
        &mut self,
        places: &HashMap<Uuid, usize>,
        log: &[StoredEvent],
        attempts: &[Attempt],
        commits: &HashMap<Uuid, Vec<&Attempt>>,
    ) {
        let mut moments = Vec::new();
        for attempt in attempts {
            let id = first_id(&attempt.commit);
            if commits[&id][0].invoked == attempt.invoked {
                moments.push((attempt.invoked, attempt, None));
            } else {
                moments.push((attempt.invoked, attempt, Some(false)));
            }
            if let Some((at, _)) = &attempt.answered {
                moments.push((*at, attempt, Some(true)));
            }
        }
        moments.sort_by_key(|(at, ..)| *at);
        let mut reached: HashMap<u32, usize> = HashMap::new();
        let mut versions: HashMap<(u32, &str), u64> = HashMap::new();
        let mut known_when_sent: HashMap<u64, u64> = HashMap::new();
        for (_, attempt, moment) in moments {
            let place = places.get(&last_id(&attempt.commit)).copied();
            if moment == Some(true) {
                self.heard(attempt, place, log, &mut reached, &mut versions, &known_when_sent);
                continue;
            }
            if let (None, Some(place)) = (moment, place)
                && reached.get(&attempt.node).is_some_and(|reached| *reached > place)
            {
                let name = first_id(&attempt.commit);
                self.say(format!("commit {name} stands before one that was answered before it was sent"));
            }
            for part in &attempt.commit.parts {
                let known = versions.get(&(attempt.node, part.stream.as_str())).copied().unwrap_or_default();
                known_when_sent
                    .entry(attempt.invoked)
                    .and_modify(|most| *most = known.max(*most))
                    .or_insert(known);
            }
        }
    }

    fn heard<'a>(
        &mut self,
        attempt: &'a Attempt,
        place: Option<usize>,
        log: &[StoredEvent],
        reached: &mut HashMap<u32, usize>,
        versions: &mut HashMap<(u32, &'a str), u64>,
        known_when_sent: &HashMap<u64, u64>,
    ) {
        match attempt.answered.as_ref().map(|(_, answer)| answer) {
            Some(Answer::Stored { .. }) => {
                let Some(place) = place else { return };
                let reached = reached.entry(attempt.node).or_default();
                *reached = place.max(*reached);
                if let [part] = &*attempt.commit.parts {
                    let known = versions.entry((attempt.node, part.stream.as_str())).or_default();
                    *known = log[place].version.max(*known);
                }
            }
            Some(Answer::Conflict { stream, actual })
                if attempt.commit.parts.len() == 1 && *actual < known_when_sent[&attempt.invoked] =>
            {
                let known = known_when_sent[&attempt.invoked];
                self.say(format!("{stream} was said to be at {actual} after it was known to be at {known}"));
            }
            _ => (),
        }
    }

    /// Nothing that was written under an older lease stands behind what was written under a newer one.
    fn fences(&mut self, places: &HashMap<Uuid, usize>, commits: &HashMap<Uuid, Vec<&Attempt>>) {
        let mut written: Vec<_> = commits
            .values()
            .filter_map(|attempts| {
                let fence = attempts[0].commit.fence.as_ref()?;
                Some((places.get(&last_id(&attempts[0].commit))?, fence))
            })
            .collect();
        written.sort_by_key(|(place, _)| **place);
        let mut epochs: HashMap<&str, u64> = HashMap::new();
        for (place, fence) in written {
            let epoch = epochs.entry(&fence.processor).or_default();
            if fence.epoch < *epoch {
                self.say(format!("event {place} was written under epoch {} after {epoch}", fence.epoch));
            }
            *epoch = fence.epoch.max(*epoch);
        }
    }
}

fn by_commit(attempts: &[Attempt]) -> HashMap<Uuid, Vec<&Attempt>> {
    let mut commits: HashMap<Uuid, Vec<&Attempt>> = HashMap::new();
    for attempt in attempts {
        commits.entry(first_id(&attempt.commit)).or_default().push(attempt);
    }
    commits
}

fn first_id(commit: &Commit) -> Uuid {
    commit.parts[0].events[0].id
}

fn last_id(commit: &Commit) -> Uuid {
    let last = commit.parts.last().and_then(|part| part.events.last());
    last.expect("a commit has events").id
}
