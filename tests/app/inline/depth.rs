//! How deep answers may answer answers.

use crate::kit::Place;
use es_core::prelude::*;

#[event]
pub struct Called {
    pub left: u32,
}
#[command(Valley)]
pub struct Call {
    #[id]
    pub valley: u32,
    pub left: u32,
}

#[aggregate(id = u32, default)]
#[derive(Default)]
pub struct Valley {
    pub heard: Vec<u32>,
}

#[applier]
impl Valley {
    fn called(&mut self, e: &Called) {
        self.heard.push(e.left);
    }
}

#[command_handler]
impl Valley {
    fn call(&self, command: Call) -> Called {
        Called { left: command.left }
    }
}

/// Answers each call from the other of two valleys.
#[reactor(inline)]
pub struct Echo;

#[reactor]
impl Echo {
    fn called(&self, e: &Called, valley: &u32) -> Option<Call> {
        e.left.checked_sub(1).map(|left| Call { valley: 1 - valley, left })
    }
}

on_every_store! {
    not on nats: "an app with inline reactors is not built there";
    answers_are_answered_sixteen_deep
    deeper_is_an_error
}

async fn valleys(place: &Place) -> App {
    App::builder(place.open().await).aggregate::<Valley>().reactor::<Echo>().build().await.unwrap()
}

async fn answers_are_answered_sixteen_deep(place: Place) {
    let app = valleys(&place).await;
    let done = app.execute(Call { valley: 0, left: 16 }).await.unwrap();
    assert_eq!((done.version, done.position), (1, Position(1)));
    let heard = |valley: u32| {
        let app = app.clone();
        async move { app.load::<Valley>(&valley).await.unwrap().unwrap().heard.clone() }
    };
    assert_eq!(heard(0).await, [16, 14, 12, 10, 8, 6, 4, 2, 0]);
    assert_eq!(heard(1).await, [15, 13, 11, 9, 7, 5, 3, 1]);
}

async fn deeper_is_an_error(place: Place) {
    let app = valleys(&place).await;
    let refused = app.execute(Call { valley: 0, left: 17 }).await.unwrap_err();
    let CommandError::Inline { reactor, source } = refused else { panic!("{refused}") };
    assert_eq!(reactor, "echo");
    assert!(source.to_string().contains("more than 16 commands deep"), "{source}");
    assert_eq!(place.open().await.head().await.unwrap(), Position(0));
}
