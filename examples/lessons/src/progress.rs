//! A student's place on the map.

use es_core::prelude::*;
use std::collections::BTreeMap;

/// The first place of a student.
#[event]
pub struct StudentPlaced {
    pub lesson: u32,
    pub activity: u32,
}

/// One step inside a lesson.
#[event]
pub struct ActivityCompleted {
    pub lesson: u32,
    pub activity: u32,
}

/// The last step of a lesson.
#[event]
pub struct LessonCompleted {
    pub lesson: u32,
}

/// A student goes back, or is sent ahead.
#[event]
pub struct ProgressReset {
    pub lesson: u32,
    pub activity: u32,
}

/// A lesson was recorded as completed by mistake. The mistake stays in the history; this takes it back.
#[event]
pub struct LessonReverted {
    pub lesson: u32,
    /// The event that was the mistake.
    pub reverts: Uuid,
}

#[command(Progress)]
pub struct PlaceStudent {
    #[id]
    pub student: u32,
    pub lesson: u32,
    pub activity: u32,
}

#[command(Progress)]
pub struct CompleteActivity {
    #[id]
    pub student: u32,
    pub lesson: u32,
    pub activity: u32,
}

#[command(Progress)]
pub struct CompleteLesson {
    #[id]
    pub student: u32,
    pub lesson: u32,
}

#[command(Progress)]
pub struct ResetProgress {
    #[id]
    pub student: u32,
    pub lesson: u32,
    pub activity: u32,
}

#[command(Progress)]
pub struct RevertLesson {
    #[id]
    pub student: u32,
    pub lesson: u32,
}

/// Why a step is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProgressError {
    /// A step can only be done where the student is.
    #[error("the student is at lesson {at}, not at lesson {lesson}")]
    Elsewhere { at: u32, lesson: u32 },
    /// Only what was done can be taken back.
    #[error("lesson {0} was not completed")]
    NotCompleted(u32),
}

/// Where a student is; what every command answers.
#[value]
#[derive(Copy)]
pub struct Place {
    pub lesson: u32,
    pub activity: u32,
}

/// One student's way through the course.
#[aggregate(id = u32, snapshot(every = 100, version = 1))]
pub struct Progress {
    place: Place,
    /// Every lesson that is done, and the event that says so.
    done: BTreeMap<u32, Uuid>,
}

impl Progress {
    /// Where the student is.
    pub fn place(&self) -> Place {
        self.place
    }

    fn require(&self, lesson: u32) -> Result<(), ProgressError> {
        let at = self.place.lesson;
        if at == lesson { Ok(()) } else { Err(ProgressError::Elsewhere { at, lesson }) }
    }
}

#[applier]
impl Progress {
    fn placed(e: &StudentPlaced) -> Self {
        Self { place: Place { lesson: e.lesson, activity: e.activity }, done: BTreeMap::new() }
    }

    fn activity_completed(&mut self, e: &ActivityCompleted) {
        self.place = Place { lesson: e.lesson, activity: e.activity + 1 };
    }

    fn lesson_completed(&mut self, e: &LessonCompleted, env: &Envelope) {
        self.place = Place { lesson: e.lesson + 1, activity: 1 };
        self.done.insert(e.lesson, env.id);
    }

    fn reset(&mut self, e: &ProgressReset) {
        self.place = Place { lesson: e.lesson, activity: e.activity };
    }

    fn lesson_reverted(&mut self, e: &LessonReverted) {
        self.place = Place { lesson: e.lesson, activity: 1 };
        self.done.remove(&e.lesson);
    }
}

/// An event, and the new place as the answer.
fn moved<E: IntoEvents<Progress>>(event: E) -> Reply<E, Place> {
    Reply::from_state(event, Progress::place)
}

#[command_handler]
impl Progress {
    fn place_student(command: PlaceStudent) -> Reply<StudentPlaced, Place> {
        moved(StudentPlaced { lesson: command.lesson, activity: command.activity })
    }

    fn complete_activity(
        &self,
        command: CompleteActivity,
    ) -> Result<Reply<ActivityCompleted, Place>, ProgressError> {
        self.require(command.lesson)?;
        Ok(moved(ActivityCompleted { lesson: command.lesson, activity: command.activity }))
    }

    fn complete_lesson(
        &self,
        command: CompleteLesson,
    ) -> Result<Reply<LessonCompleted, Place>, ProgressError> {
        self.require(command.lesson)?;
        Ok(moved(LessonCompleted { lesson: command.lesson }))
    }

    fn reset_progress(&self, command: ResetProgress) -> Reply<ProgressReset, Place> {
        moved(ProgressReset { lesson: command.lesson, activity: command.activity })
    }

    fn revert_lesson(&self, command: RevertLesson) -> Result<Reply<LessonReverted, Place>, ProgressError> {
        let reverts = self.done.get(&command.lesson).ok_or(ProgressError::NotCompleted(command.lesson))?;
        Ok(moved(LessonReverted { lesson: command.lesson, reverts: *reverts }))
    }
}
