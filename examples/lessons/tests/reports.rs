//! The three reports, by given and then.

use es_core::prelude::*;
use es_testing::prelude::*;
use lessons::progress::{ActivityCompleted, LessonCompleted, LessonReverted, ProgressReset, StudentPlaced};
use lessons::reports::{Difficulty, Furthest};

const STUDENT: u32 = 3202;

fn completed(lesson: u32) -> LessonCompleted {
    LessonCompleted { lesson }
}

#[test]
fn a_lesson_that_is_repeated_is_hard() {
    projection::<Difficulty>()
        .given(
            &STUDENT,
            events![
                StudentPlaced { lesson: 6, activity: 1 },
                ActivityCompleted { lesson: 6, activity: 1 },
                completed(6),
                ProgressReset { lesson: 3, activity: 1 },
                completed(3)
            ],
        )
        .then(&6, Difficulty { steps: 1, completed: 1, repeated: 0 })
        .then(&3, Difficulty { steps: 0, completed: 1, repeated: 1 })
        .then_none(&4);
}

#[test]
fn a_mistake_that_was_taken_back_does_not_count() {
    projection::<Difficulty>()
        .given(&STUDENT, events![completed(6), LessonReverted { lesson: 6, reverts: Uuid::nil() }])
        .then(&6, Difficulty { steps: 0, completed: 0, repeated: 0 });
}

#[test]
fn nothing_is_known_of_whoever_completed_nothing() {
    projection::<Furthest>().given(&STUDENT, StudentPlaced { lesson: 6, activity: 1 }).then_none(&STUDENT);
}
