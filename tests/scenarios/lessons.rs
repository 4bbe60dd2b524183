//! How far a student has come in a course: a place on a map that can be gone back from.

use crate::kit::{recorded, stored};
use es_core::prelude::*;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

#[event(name = "placeStudent")]
pub struct StudentPlaced {
    pub lesson: u32,
    pub activity: u32,
}
#[event(name = "activityCompleted")]
pub struct ActivityCompleted {
    pub lesson: u32,
    pub activity: u32,
}
#[event(name = "lessonCompleted")]
pub struct LessonCompleted {
    pub lesson: u32,
}
#[event(name = "resetProgress")]
pub struct ProgressReset {
    pub lesson: u32,
    pub activity: u32,
}
/// A lesson was recorded as completed by mistake.
#[event(name = "lessonReverted")]
pub struct LessonReverted {
    pub lesson: u32,
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

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("invalid command")]
pub struct InvalidCommand;

/// Where a student is; what every command answers.
#[value]
#[derive(Copy)]
pub struct Place {
    #[serde(rename = "currentMap")]
    map: u32,
    #[serde(rename = "currentPosition")]
    lesson: u32,
    #[serde(rename = "currentActivity")]
    activity: u32,
}

fn place(lesson: u32, activity: u32) -> Place {
    Place { map: 1, lesson, activity }
}

#[aggregate(id = u32, snapshot(every = 5, version = 1))]
pub struct Progress {
    place: Place,
    /// The event that says so, for every lesson that is done.
    done: BTreeMap<u32, Uuid>,
}

#[applier]
impl Progress {
    fn placed(e: &StudentPlaced) -> Self {
        Self { place: place(e.lesson, e.activity), done: BTreeMap::new() }
    }
    fn activity_completed(&mut self, e: &ActivityCompleted) {
        self.place = place(e.lesson, e.activity + 1);
    }
    fn lesson_completed(&mut self, e: &LessonCompleted, env: &Envelope) {
        self.place = place(e.lesson + 1, 1);
        self.done.insert(e.lesson, env.id);
    }
    fn moved_back(&mut self, e: &ProgressReset) {
        self.place = place(e.lesson, e.activity);
    }
    fn lesson_reverted(&mut self, e: &LessonReverted) {
        self.place = place(e.lesson, 1);
        self.done.remove(&e.lesson);
    }
}

type Answer<E> = Reply<E, Place>;

#[command_handler]
impl Progress {
    fn place(command: PlaceStudent) -> Answer<StudentPlaced> {
        let PlaceStudent { lesson, activity, .. } = command;
        answer(StudentPlaced { lesson, activity })
    }
    fn complete_activity(
        &self,
        command: CompleteActivity,
    ) -> Result<Answer<ActivityCompleted>, InvalidCommand> {
        let CompleteActivity { lesson, activity, .. } = command;
        self.is_at(lesson)?;
        Ok(answer(ActivityCompleted { lesson, activity }))
    }
    fn complete_lesson(&self, command: CompleteLesson) -> Result<Answer<LessonCompleted>, InvalidCommand> {
        self.is_at(command.lesson)?;
        Ok(answer(LessonCompleted { lesson: command.lesson }))
    }
    fn reset(&self, command: ResetProgress) -> Answer<ProgressReset> {
        let ResetProgress { lesson, activity, .. } = command;
        answer(ProgressReset { lesson, activity })
    }
    fn revert_lesson(&self, command: RevertLesson) -> Result<Answer<LessonReverted>, InvalidCommand> {
        let reverts = *self.done.get(&command.lesson).ok_or(InvalidCommand)?;
        Ok(answer(LessonReverted { lesson: command.lesson, reverts }))
    }
}

impl Progress {
    fn is_at(&self, lesson: u32) -> Result<(), InvalidCommand> {
        if self.place.lesson == lesson { Ok(()) } else { Err(InvalidCommand) }
    }
}

/// An event, and the new place as the answer.
fn answer<E: IntoEvents<Progress>>(event: E) -> Answer<E> {
    Reply::from_state(event, |progress: &Progress| progress.place)
}

/// A report that nobody thought of when the events were recorded.
fn highest_lesson_done(history: &[Recorded<ProgressEvent>]) -> Option<u32> {
    let reverted: BTreeSet<Uuid> = history
        .iter()
        .filter_map(|event| match &event.data {
            ProgressEvent::LessonReverted(e) => Some(e.reverts),
            _ => None,
        })
        .collect();
    let completed = history.iter().filter_map(|event| match &event.data {
        ProgressEvent::LessonCompleted(e) if !reverted.contains(&event.envelope.id) => Some(e.lesson),
        _ => None,
    });
    completed.max()
}

/// The lessons that were ever completed, as the teachers' room shows them.
#[projection(key = u32)]
pub struct LessonsDone {
    lessons: BTreeSet<u32>,
}

#[projection]
impl LessonsDone {
    fn completed(&mut self, e: &LessonCompleted) {
        self.lessons.insert(e.lesson);
    }
}

const STUDENT: u32 = 3202;

async fn app(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Progress>().build().await.unwrap()
}

async fn history(app: &App) -> Vec<Recorded<ProgressEvent>> {
    app.history::<Progress>(&STUDENT).await.unwrap()
}

async fn placed_at_lesson_6(app: &App) -> Place {
    app.execute(PlaceStudent { student: STUDENT, lesson: 6, activity: 1 }).await.unwrap().reply
}
async fn complete_activity(app: &App, lesson: u32, activity: u32) -> Place {
    app.execute(CompleteActivity { student: STUDENT, lesson, activity }).await.unwrap().reply
}
async fn complete_lesson(app: &App, lesson: u32) -> Place {
    app.execute(CompleteLesson { student: STUDENT, lesson }).await.unwrap().reply
}
async fn reset_to_lesson_3(app: &App) -> Place {
    app.execute(ResetProgress { student: STUDENT, lesson: 3, activity: 1 }).await.unwrap().reply
}
/// Placed at lesson 6, two activities and then the lesson completed: four events.
async fn done_with_lesson_6(app: &App) {
    placed_at_lesson_6(app).await;
    complete_activity(app, 6, 1).await;
    complete_activity(app, 6, 2).await;
    complete_lesson(app, 6).await;
}

on_every_store! {
    ac_25_a_student_is_placed,
    ac_26_completing_an_activity_leads_to_the_next,
    ac_27_completing_a_lesson_leads_to_the_next,
    ac_28_a_reset_moves_back_and_erases_nothing,
    ac_29_the_highest_lesson_survives_a_reset,
    ac_32_the_endpoint_answers_with_the_new_place,
    ac_32_the_endpoint_refuses_what_does_not_fit_the_place,
    ac_35_a_mistake_is_undone_by_a_new_event,
    ac_36_a_redacted_event_keeps_its_number_and_nothing_else,
    ac_36_a_read_model_forgets_a_redacted_event_when_it_is_rebuilt,
}

async fn ac_25_a_student_is_placed(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    assert_eq!(placed_at_lesson_6(&app).await, place(6, 1));
    let event = stored(&store, &Progress::stream(&STUDENT)).await.remove(0);
    assert_eq!(event.name, "placeStudent");
    assert_eq!(event.payload.as_deref(), Some(br#"{"lesson":6,"activity":1}"#.as_slice()));
}

async fn ac_26_completing_an_activity_leads_to_the_next(store: impl EventStore) {
    let app = app(store).await;
    placed_at_lesson_6(&app).await;
    assert_eq!(complete_activity(&app, 6, 1).await, place(6, 2));
    assert_eq!(complete_activity(&app, 6, 2).await, place(6, 3));
}

async fn ac_27_completing_a_lesson_leads_to_the_next(store: impl EventStore) {
    let app = app(store).await;
    placed_at_lesson_6(&app).await;
    assert_eq!(complete_lesson(&app, 6).await, place(7, 1));
}

async fn ac_28_a_reset_moves_back_and_erases_nothing(store: impl EventStore) {
    let app = app(store).await;
    done_with_lesson_6(&app).await;
    let before = history(&app).await;
    assert_eq!(reset_to_lesson_3(&app).await, place(3, 1));
    let after = history(&app).await;
    assert_eq!((after.len(), &after[..4]), (5, before.as_slice()));
}

async fn ac_29_the_highest_lesson_survives_a_reset(store: impl EventStore) {
    let app = app(store).await;
    done_with_lesson_6(&app).await;
    reset_to_lesson_3(&app).await;
    assert_eq!(complete_lesson(&app, 3).await, place(4, 1));
    assert_eq!(highest_lesson_done(&history(&app).await), Some(6));
}

async fn ac_32_the_endpoint_answers_with_the_new_place(store: impl EventStore) {
    let app = app(store).await;
    done_with_lesson_6(&app).await;
    let posted = json!({ "student": STUDENT, "lesson": 3, "activity": 1 });
    let answer = app.execute_json("ResetProgress", posted).await.unwrap();
    assert_eq!(answer["reply"], json!({ "currentMap": 1, "currentPosition": 3, "currentActivity": 1 }));
}

async fn ac_32_the_endpoint_refuses_what_does_not_fit_the_place(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    done_with_lesson_6(&app).await;
    let posted = json!({ "student": STUDENT, "lesson": 9, "activity": 1 });
    let error = app.execute_json("CompleteActivity", posted).await.unwrap_err();
    assert!(matches!(error, DispatchError::Command(CommandError::Rejected(_))), "{error:?}");
    assert_eq!(error.to_string(), "invalid command");
    assert_eq!(recorded(&store).await, 4);
}

async fn ac_35_a_mistake_is_undone_by_a_new_event(store: impl EventStore) {
    let app = app(store).await;
    placed_at_lesson_6(&app).await;
    complete_lesson(&app, 6).await;
    let undone = app.execute(RevertLesson { student: STUDENT, lesson: 6 }).await.unwrap();
    assert_eq!(undone.reply, place(6, 1));

    let history = history(&app).await;
    let mistake = history[1].envelope.id;
    assert_eq!(history[1].data, ProgressEvent::LessonCompleted(LessonCompleted { lesson: 6 }));
    assert_eq!(
        history[2].data,
        ProgressEvent::LessonReverted(LessonReverted { lesson: 6, reverts: mistake })
    );
    assert_eq!(highest_lesson_done(&history), None);
}

async fn ac_36_a_redacted_event_keeps_its_number_and_nothing_else(store: impl EventStore + Clone) {
    let app_then = app(store.clone()).await;
    placed_at_lesson_6(&app_then).await;
    complete_activity(&app_then, 6, 1).await;
    complete_activity(&app_then, 6, 2).await;
    app_then.execute(CompleteLesson { student: STUDENT, lesson: 6 }).by("teacher-4").await.unwrap();
    complete_activity(&app_then, 7, 1).await;
    let mistake = history(&app_then).await[3].envelope.id;
    assert!(app_then.redact(mistake, "another student's").await.unwrap());

    // Neither the state that the app has in memory nor the snapshot behind event 5 knows of it any more.
    for app in [app_then, app(store.clone()).await] {
        let progress = app.load::<Progress>(&STUDENT).await.unwrap().unwrap();
        assert_eq!((progress.place, &progress.done), (place(7, 2), &BTreeMap::new()));
        let versions: Vec<_> = history(&app).await.iter().map(|event| event.envelope.version).collect();
        assert_eq!(versions, [1, 2, 3, 5]);
    }
    let next =
        app(store.clone()).await.execute(CompleteLesson { student: STUDENT, lesson: 7 }).await.unwrap();
    assert_eq!(next.version, 6);

    let left = stored(&store, &Progress::stream(&STUDENT)).await.remove(3);
    let metadata: Metadata = serde_json::from_slice(&left.metadata).unwrap();
    assert_eq!((left.id, left.payload), (mistake, None));
    assert_eq!(metadata.redacted.as_deref(), Some("another student's"));
    assert_eq!(metadata.actor.as_deref(), Some("teacher-4"));
}

async fn ac_36_a_read_model_forgets_a_redacted_event_when_it_is_rebuilt(store: impl EventStore) {
    let app = App::builder(store).aggregate::<Progress>().projection::<LessonsDone>().build().await.unwrap();
    placed_at_lesson_6(&app).await;
    complete_lesson(&app, 6).await;
    complete_lesson(&app, 7).await;
    app.drain().await.unwrap();
    assert_eq!(app.matches_events("lessons_done").await.unwrap(), [""; 0]);
    let mistake = history(&app).await[1].envelope.id;
    app.redact(mistake, "another student's").await.unwrap();
    app.drain().await.unwrap();

    // What was taken in stays until somebody has it built anew; whom that is about can be asked.
    let done = async || app.document::<LessonsDone>(&STUDENT).await.unwrap().unwrap().lessons;
    assert_eq!(app.matches_events("lessons_done").await.unwrap(), [STUDENT.to_string()]);
    assert_eq!(done().await, BTreeSet::from([6, 7]));
    app.rebuild("lessons_done").await.unwrap();
    app.drain().await.unwrap();
    assert_eq!(done().await, BTreeSet::from([7]));
    assert_eq!(app.matches_events("lessons_done").await.unwrap(), [""; 0]);
}
