//! What has to hold of every flow.

use super::remains::{self, Remains};
use super::stage::{Stage, unread};
use crate::fault::Fault;
use crate::laws::broken_law;
use crate::world::broken;
use es_core::__testing as inside;
use es_core::store::{Checkpoint, EventStore, Filter};
use es_core::{Position, StoreError};

const RESTARTED: &str = "an app that is started anew has nothing to do";
const REBUILT: &str = "every projection equals its rebuild";
const REDELIVERED: &str = "what comes again changes nothing";

/// Checks those that need not be asked for.
pub(super) async fn all(stage: &mut Stage) -> Result<(), Fault> {
    restarted(stage).await?;
    rebuilt(stage).await
}

/// Another app over the same store looks for something to do.
async fn restarted(stage: &mut Stage) -> Result<(), Fault> {
    let before = Remains::of(stage).await?;
    let app = stage.world.app.clone();
    stage.build().await?;
    stage.rest().await?;
    stage.world.app = app;
    unchanged(stage, &before, RESTARTED, "after the start ≠ before it:").await
}

async fn rebuilt(stage: &Stage) -> Result<(), Fault> {
    for name in inside::projections(&stage.world.app) {
        let keys = stage.world.app.matches_events(name).await.map_err(|error| unread(&error))?;
        if !keys.is_empty() {
            let lines = keys.into_iter().map(|key| format!("{name}: the document of \"{key}\" differs"));
            let hint = "a projection uses its event and its envelope, and nothing else".to_owned();
            return Err(broken_law(REBUILT, lines.chain([hint])));
        }
    }
    Ok(())
}

/// Each reactor is given its last event once more, as if it had died before it wrote how far it was.
pub(super) async fn redelivered(stage: &mut Stage) -> Result<(), Fault> {
    let before = Remains::of(stage).await?;
    let mut any = false;
    for reactor in stage.reactors() {
        let Some(last) = remains::last_taken(&stage.world.log, &reactor).await? else { continue };
        let Some(position) = last.0.checked_sub(1).map(Position) else { continue };
        let event = at(stage, position).await.map_err(broken)?;
        stage.world.gate.set_back(reactor.processor, Checkpoint { position, event });
        stage.world.tale.tell("again", &format!("{}, its last event", reactor.name));
        any = true;
    }
    if !any {
        return Err(Fault::new("no event came to a reactor that could come again"));
    }
    stage.rest().await?;
    unchanged(stage, &before, REDELIVERED, "after it came again ≠ before that:").await
}

/// The id of the event at a position.
async fn at(stage: &Stage, position: Position) -> Result<Option<es_core::uuid::Uuid>, StoreError> {
    let Some(before) = position.0.checked_sub(1).map(Position) else { return Ok(None) };
    let page = stage.world.log.read_log(before, &Filter::default(), 1).await?;
    Ok(page.events.first().map(|event| event.id))
}

async fn unchanged(stage: &Stage, before: &Remains, law: &str, what: &str) -> Result<(), Fault> {
    let now = Remains::of(stage).await?;
    if now == *before {
        return Ok(());
    }
    let lines = now.since(before, &stage.world.log).await?;
    Err(broken_law(law, [what.to_owned()].into_iter().chain(lines)))
}
