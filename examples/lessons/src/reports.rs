//! Three questions that were asked when the events were there already.

use crate::progress::{ActivityCompleted, LessonCompleted, LessonReverted, ProgressReset, StudentPlaced};
use es_core::prelude::*;
use std::collections::BTreeMap;

/// How far did each student ever get? Going back takes nothing away; only a mistake that was taken back does.
#[projection(key = u32, version = 1)]
pub struct Furthest {
    /// How often each lesson was completed.
    completed: BTreeMap<u32, u32>,
}

impl Furthest {
    /// The highest lesson that the student has completed.
    pub fn lesson(&self) -> Option<u32> {
        self.completed.keys().next_back().copied()
    }
}

#[projection]
impl Furthest {
    fn completed(&mut self, e: &LessonCompleted) {
        *self.completed.entry(e.lesson).or_default() += 1;
    }

    fn reverted(&mut self, e: &LessonReverted) {
        if let Some(times) = self.completed.get_mut(&e.lesson) {
            *times -= 1;
        }
        self.completed.retain(|_, times| *times > 0);
    }
}

/// Which lessons are hard? Those that students come back to.
#[projection(key = u32, version = 1)]
pub struct Difficulty {
    /// How many steps were done in it.
    pub steps: u32,
    /// How often it was completed.
    pub completed: u32,
    /// How often somebody went back to it.
    pub repeated: u32,
}

#[projection]
impl Difficulty {
    #[key(e.lesson)]
    fn step(&mut self, e: &ActivityCompleted) {
        self.steps += 1;
    }

    #[key(e.lesson)]
    fn completed(&mut self, e: &LessonCompleted) {
        self.completed += 1;
    }

    #[key(e.lesson)]
    fn reverted(&mut self, e: &LessonReverted) {
        self.completed = self.completed.saturating_sub(1);
    }

    #[key(e.lesson)]
    fn repeated(&mut self, e: &ProgressReset) {
        self.repeated += 1;
    }
}

/// When is the school busy?
#[projection(key = Date, version = 1)]
pub struct SchoolDay {
    pub new_students: u32,
    pub steps: u32,
    pub lessons: u32,
}

#[projection]
impl SchoolDay {
    #[key(env.recorded_at.date())]
    fn placed(&mut self, _: &StudentPlaced, env: &Envelope) {
        self.new_students += 1;
    }

    #[key(env.recorded_at.date())]
    fn step(&mut self, _: &ActivityCompleted, env: &Envelope) {
        self.steps += 1;
    }

    #[key(env.recorded_at.date())]
    fn lesson(&mut self, _: &LessonCompleted, env: &Envelope) {
        self.lessons += 1;
    }
}
