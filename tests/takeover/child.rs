//! The process that things happen to: it runs the warehouse until it is told to end.

use super::ground::Ground;
use super::warehouse::{AddItem, OrderId, Outside, app};
use es_core::Running;
use std::time::Duration;
use tests::history::say;
use tests::place::{File, Namespace, Schema};
use tests::server::variable;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::sleep;

/// The variables that tell a process who it is and where it works, beside the kind of ground that is its role.
pub const NAME: &str = "ES_FAULTS_NAME";
pub const PLACE: &str = "ES_FAULTS_PLACE";
pub const FOLDER: &str = "ES_FAULTS_FOLDER";
/// The letter that the post does not take.
pub const POISON: &str = "ES_FAULTS_POISON";
/// The letter that the post never comes back from.
pub const LOST: &str = "ES_FAULTS_LOST";

#[test]
#[ignore = "it is what the other tests start"]
fn serve() {
    let Ok(ground) = std::env::var("ES_FAULTS_ROLE") else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    match &*ground {
        File::NAME => runtime.block_on(work::<File>()),
        Schema::NAME => runtime.block_on(work::<Schema>()),
        Namespace::NAME => runtime.block_on(work::<Namespace>()),
        _ => panic!("there is no ground {ground:?}"),
    }
}

/// Works until it is told to end by a signal, or nobody is left who could tell it anything, and says how its
/// followers are.
async fn work<G: Ground>() {
    let mut ends = signal(SignalKind::terminate()).unwrap();
    let store = G::at(&variable(PLACE)).open().await;
    let outside = Outside {
        folder: variable(FOLDER).into(),
        process: variable(NAME),
        poison: std::env::var(POISON).ok(),
        lost: std::env::var(LOST).ok(),
    };
    let app = app::<G>(&store, &outside).await;
    let running = app.start().await.unwrap();
    let mut told = told();
    let mut states = Vec::new();
    loop {
        tell_changes(&running, &mut states);
        tokio::select! {
            _ = ends.recv() => break,
            word = told.recv() => {
                let Some(word) = word else { break };
                let order = word.strip_prefix("add ").unwrap();
                app.execute(AddItem { order: OrderId::named(order) }).await.unwrap();
                say("added");
            }
            () = sleep(Duration::from_millis(10)) => {}
        }
    }
    running.stop().await.unwrap();
    G::close(store).await;
    say("stopped");
}

fn tell_changes(running: &Running, states: &mut Vec<String>) {
    for status in running.status() {
        let state = format!("{} {:?}", status.name, status.state);
        if !states.contains(&state) {
            states.retain(|known| !known.starts_with(status.name));
            say(&state);
            states.push(state);
        }
    }
}

fn told() -> mpsc::UnboundedReceiver<String> {
    let (tell, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            // Nobody listens any more when it ends.
            let _ = tell.send(line);
        }
    });
    told
}
