//! The search: schedules with fewer faults first, and of those the shorter ones.

use super::caught::caught;
use super::moment::Moment;
use super::report::{Failure, Report};
use super::schedule::{Step, Who, misfortunes};
use super::tale::Tale;
use super::world::{Breach, Ready, Stage, World};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Debug;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::pin::Pin;
use std::sync::Arc;

/// Something that has to hold.
pub(super) struct Invariant<O> {
    pub name: String,
    pub holds: Holds<O>,
    /// Whether only at the end.
    pub at_the_end: bool,
}

type Holds<O> = Box<dyn Fn(Moment<O>) -> Asked + Send + Sync>;

/// An invariant that was asked.
pub(super) type Asked = Pin<Box<dyn Future<Output = Result<(), String>>>>;

/// What is looked for, and where.
pub(super) struct Search<O> {
    pub stage: Arc<Stage<O>>,
    pub invariants: Vec<Invariant<O>>,
    /// The most faults in a schedule.
    pub faults: u8,
    /// The most schedules.
    pub limit: usize,
}

/// Where schedules stand that are to be continued: by faults, by length, in the order of their discovery.
type Place = (u8, usize, usize);

/// What was found behind some steps.
enum Found<O> {
    GoesOn(Box<Node<O>>),
    /// The last of the steps has failed. That is told when it is its turn: something shorter may fail, too.
    Fails(Failed),
}

/// A schedule that is to be continued.
struct Node<O> {
    steps: Vec<Step>,
    state: u64,
    /// What it has led to, if that is still there.
    world: Option<World<O>>,
}

/// A schedule at the end of which something does not hold.
struct Failed {
    steps: Vec<Step>,
    breach: Breach,
}

/// What is known of the search so far.
struct Known<O> {
    queue: BTreeMap<Place, Found<O>>,
    /// Each state with the least that it takes to come there.
    seen: HashMap<u64, (u8, usize)>,
    found: usize,
    schedules: usize,
    depth: usize,
}

impl<O: Debug + Send + Sync + 'static> Search<O> {
    /// Goes through the schedules until one fails, none is left, or there were enough.
    pub async fn run(&self) -> Report {
        let mut known = Known::new();
        let failed = self.search(&mut known).await.err();
        let failure = match failed {
            Some(failed) => Some(self.told(failed).await),
            None => None,
        };
        let is_cut = failure.is_none() && !known.queue.is_empty();
        Report { schedules: known.schedules, states: known.seen.len(), depth: known.depth, is_cut, failure }
    }

    async fn search(&self, known: &mut Known<O>) -> Result<(), Failed> {
        let world = self.replay(&[]).await?;
        let state = state(world.standing(), world.store.left().await);
        known.find(Node { steps: Vec::new(), state, world: Some(world) });
        while known.schedules < self.limit
            && let Some(((faults, length, _), found)) = known.queue.pop_first()
        {
            let node = match found {
                Found::GoesOn(node) => *node,
                Found::Fails(failed) => return Err(failed),
            };
            // It may have been found with less since.
            if known.seen.get(&node.state) == Some(&(faults, length)) {
                known.depth = known.depth.max(length);
                self.go_on(known, node).await?;
            }
        }
        known.failed()
    }

    /// Goes every step that can come behind a schedule.
    async fn go_on(&self, known: &mut Known<O>, node: Node<O>) -> Result<(), Failed> {
        let Node { steps, world, .. } = node;
        let world = match world {
            Some(world) => world,
            None => self.replay(&steps).await?,
        };
        let failed = |breach| Failed { steps: steps.clone(), breach };
        let ready = world.ready().await.map_err(failed)?;
        let is_over = ready.clients.is_empty() && ready.followers.is_empty() && ready.later.is_none();
        self.check(&world, is_over).await.map_err(failed)?;
        let mut here = Some(world);
        for step in self.next_steps(ready, &steps) {
            let world = match here.take() {
                Some(world) => world,
                None => self.replay(&steps).await?,
            };
            known.schedules += 1;
            self.go(known, world, &steps, step).await;
        }
        Ok(())
    }

    /// Goes one step: to its end, and to each store call at which the process may end.
    async fn go(&self, known: &mut Known<O>, mut world: World<O>, before: &[Step], step: Step) {
        let with = |cut_at| {
            let last = Step { cut_at, ..step.clone() };
            before.iter().cloned().chain([last]).collect::<Vec<_>>()
        };
        let (standing, mut left) = (world.standing(), world.store.left().await);
        let calls = match world.watch(&step).await {
            Ok(calls) => calls,
            Err(breach) => return known.fail(Failed { steps: with(None), breach }),
        };
        let ended = state(world.standing(), world.store.left().await);
        known.find(Node { steps: with(None), state: ended, world: Some(world) });
        for (call, number) in calls.iter().zip(1..) {
            // A process that ends where nothing has changed might as well have ended before.
            if call.left != left {
                left = call.left;
                let steps = with(Some(number));
                if faults(&steps) <= self.faults {
                    known.find(Node { steps, state: state(standing, left), world: None });
                }
            }
        }
    }

    /// What can come behind a schedule.
    fn next_steps(&self, ready: Ready, before: &[Step]) -> Vec<Step> {
        let step = |who| Step { who, cut_at: None, asleep: 0 };
        // Followers are quick: time passes when they have nothing to do, unless they do not notice.
        let asleep = u8::try_from(ready.followers.len()).unwrap_or(u8::MAX);
        let clock = ready.later.filter(|_| asleep <= self.faults.saturating_sub(faults(before)));
        let clock = clock.map(|later| Step { asleep, ..step(Who::Clock(later)) });
        let clients = ready.clients.into_iter().map(|number| step(Who::Client(number)));
        let followers = ready.followers.into_iter().map(|processor| step(Who::Follower(processor)));
        clients.chain(followers).chain(clock).collect()
    }

    /// A run that has gone these steps.
    async fn replay(&self, steps: &[Step]) -> Result<World<O>, Failed> {
        let failed = |gone: usize| {
            let steps = steps[..gone].to_vec();
            move |breach| Failed { steps, breach }
        };
        let mut world = World::new(self.stage.clone(), Tale::default()).await.map_err(failed(0))?;
        for (step, number) in steps.iter().zip(1..) {
            world.play(step).await.map_err(failed(number))?;
        }
        Ok(world)
    }

    async fn check(&self, world: &World<O>, is_over: bool) -> Result<(), Breach> {
        for invariant in self.invariants.iter().filter(|invariant| is_over || !invariant.at_the_end) {
            let verdict = caught((invariant.holds)(world.moment())).await;
            let why = match verdict {
                Ok(Ok(())) => continue,
                Ok(Err(why)) | Err(why) => why,
            };
            return Err(Breach { what: invariant.name.clone(), why });
        }
        Ok(())
    }

    /// A schedule that fails, in words.
    async fn told(&self, failed: Failed) -> Failure {
        let Failed { steps, breach } = failed;
        let after = misfortunes(&steps);
        let (mut given, mut told) = (Vec::new(), Vec::new());
        if let Ok(mut world) = World::new(self.stage.clone(), Tale::aloud()).await {
            for step in &steps {
                if world.play(step).await.is_err() {
                    break;
                }
            }
            (given, told) = world.tale.lines();
        }
        Failure { invariant: breach.what, reason: breach.why, after, given, steps: told }
    }
}

impl<O> Known<O> {
    fn new() -> Self {
        Self { queue: BTreeMap::new(), seen: HashMap::new(), found: 0, schedules: 0, depth: 0 }
    }

    /// A schedule that is to be continued, unless one with less has led to the same.
    fn find(&mut self, node: Node<O>) {
        let least = (faults(&node.steps), node.steps.len());
        if self.seen.get(&node.state).is_some_and(|seen| *seen <= least) {
            return;
        }
        self.seen.insert(node.state, least);
        self.found += 1;
        self.queue.insert((least.0, least.1, self.found), Found::GoesOn(Box::new(node)));
    }

    /// A schedule whose last step has failed.
    fn fail(&mut self, failed: Failed) {
        self.found += 1;
        self.queue.insert((faults(&failed.steps), failed.steps.len(), self.found), Found::Fails(failed));
    }

    /// Where the search ends before its time: what is known to fail, the shortest first.
    fn failed(&mut self) -> Result<(), Failed> {
        let is_failed = |(_, found): &(&Place, &Found<O>)| matches!(found, Found::Fails(_));
        let place = self.queue.iter().find(is_failed).map(|(place, _)| *place);
        if let Some(Found::Fails(failed)) = place.and_then(|place| self.queue.remove(&place)) {
            return Err(failed);
        }
        Ok(())
    }
}

fn faults(steps: &[Step]) -> u8 {
    steps.iter().map(Step::faults).fold(0, u8::saturating_add)
}

/// A number for where clients and the clock stand, and for what is left behind: other states have other numbers.
fn state(standing: u64, left: u64) -> u64 {
    let mut hasher = DefaultHasher::new();
    (standing, left).hash(&mut hasher);
    hasher.finish()
}
