//! The whole program, on both stores.

use es_core::prelude::*;
use es_core::store::MemoryStore;
use lessons::reports::{Difficulty, Furthest};
use lessons::school;

async fn furthest(app: &App, student: u32) -> Option<u32> {
    app.document::<Furthest>(&student).await.unwrap().and_then(|furthest| furthest.lesson())
}

async fn the_reports_are_right(app: &App) {
    // Back at lesson 4 by now, and still known to have done lesson 6.
    assert_eq!(furthest(app, 3202).await, Some(6));
    assert_eq!(furthest(app, 3203).await, Some(1));
    // Completed by mistake, and taken back.
    assert_eq!(furthest(app, 3204).await, None);
    let lesson = app.document::<Difficulty>(&1).await.unwrap();
    assert_eq!(lesson, Some(Difficulty { steps: 1, completed: 1, repeated: 1 }));
}

#[tokio::test]
async fn a_term_in_memory() {
    let app = school::on(MemoryStore::new()).await.unwrap();
    school::play(&app).await.unwrap();
    the_reports_are_right(&app).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_term_on_a_file_is_played_once() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("school.db");
    let mut printed = Vec::new();
    for _ in 0..2 {
        let app = school::open(&file).await.unwrap();
        school::play(&app).await.unwrap();
        the_reports_are_right(&app).await;
        printed.push(school::reports(&app).await.unwrap());
    }
    assert_eq!(printed[0], printed[1]);
    assert!(printed[0].contains("  3202  6\n"), "{}", printed[0]);
}
