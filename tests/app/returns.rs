//! Every way in which a handler can be written, spawned and awaited.

use crate::kit::Place;
use es_core::prelude::*;
use std::sync::Arc;

on_every_store! {
    every_kind_of_handler_can_be_spawned
    what_raises_nothing_appends_nothing
    a_draft_that_breaks_the_order_writes_nothing
    a_context_gives_the_same_new_ids_for_the_same_command
    an_answer_of_an_end_is_read_from_the_last_living_state
}

#[event]
pub struct Planted {
    pub seed: Uuid,
}
#[event]
pub struct Grown {
    pub leaves: u32,
}
#[event]
pub struct Watered;
#[event]
pub struct Felled;

macro_rules! commands {
    ($($name:ident)*) => {
        $(#[command(Tree)]
        pub struct $name {
            #[id]
            pub tree: u32,
        })*
    };
}
commands! { Plant Grow GrowTwice GrowMany Tend Ignore Prune Ask AskRain Whichever Fell Replant Wait Fork }

pub trait Rain: Send + Sync {
    fn falls(&self) -> BoxFuture<'_, bool>;
}

struct Drizzle;

impl Rain for Drizzle {
    fn falls(&self) -> BoxFuture<'_, bool> {
        Box::pin(async {
            tokio::task::yield_now().await;
            true
        })
    }
}

/// How many leaves there are.
#[value]
pub struct Leaves(pub u32);

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("it is dry")]
pub struct Dry;

#[aggregate(id = u32)]
pub struct Tree {
    leaves: u32,
}

#[applier]
impl Tree {
    fn planted(_: &Planted) -> Self {
        Tree { leaves: 0 }
    }
    fn grown(&mut self, e: &Grown) {
        self.leaves += e.leaves;
    }
    fn watered(&mut self, _: &Watered) {}
    fn felled(self, _: &Felled) {}
}

#[command_handler(retry(max = 2))]
impl Tree {
    fn plant(_: Plant, cx: &Context<Self>) -> Planted {
        Planted { seed: cx.new_id() }
    }
    fn grow(&self, _: Grow) -> Grown {
        Grown { leaves: 1 }
    }
    fn grow_twice(&self, _: GrowTwice) -> (Grown, Watered, Option<Grown>) {
        (Grown { leaves: 1 }, Watered, None)
    }
    fn grow_many(&self, _: GrowMany) -> [Grown; 2] {
        [Grown { leaves: 1 }, Grown { leaves: 2 }]
    }
    fn tend(&self, _: Tend) -> Option<Watered> {
        (self.leaves > 100).then_some(Watered)
    }
    fn ignore(&self, _: Ignore) {}
    fn prune(&self, _: Prune) -> Vec<TreeEvent> {
        (0..self.leaves / 100).map(|_| TreeEvent::Watered(Watered)).collect()
    }
    fn ask(&self, _: Ask) -> Reply<(), Leaves> {
        Reply::from_state((), |tree: &Tree| Leaves(tree.leaves))
    }
    async fn ask_rain(&self, _: AskRain, rain: &dyn Rain, cx: &Context<Self>) -> Result<Watered, Dry> {
        let wet = rain.falls().await && cx.version() > 0;
        wet.then_some(Watered).ok_or(Dry)
    }
    fn whichever(tree: Option<&Self>, _: Whichever, cx: &Context<Self>) -> Draft<Self> {
        let mut draft = cx.draft(tree);
        if draft.try_state().is_none() {
            draft.raise(Planted { seed: cx.new_id() });
        }
        let leaves = draft.state().leaves + 10;
        draft.raise(Grown { leaves });
        draft
    }
    fn fell(&self, _: Fell) -> Result<Reply<(Grown, Felled), Leaves>, Dry> {
        Ok(Reply::from_state((Grown { leaves: 5 }, Felled), |tree: &Tree| Leaves(tree.leaves)))
    }
    fn replant(&self, _: Replant, cx: &Context<Self>) -> Draft<Self> {
        let mut draft = cx.draft(self);
        draft.raise((Felled, Grown { leaves: 1 }));
        draft
    }
    async fn wait(&self, _: Wait) -> Grown {
        tokio::task::yield_now().await;
        Grown { leaves: 1 }
    }
    fn fork(&self, _: Fork, cx: &Context<Self>) -> Reply<Watered, (Uuid, Uuid)> {
        Reply::new(Watered, (cx.new_id(), cx.new_id()))
    }
}

async fn trees(place: &Place) -> App {
    let rain: Arc<dyn Rain> = Arc::new(Drizzle);
    App::builder(place.open().await).aggregate::<Tree>().service(rain).build().await.unwrap()
}

async fn spawned<C>(app: &App, command: C) -> Committed<Tree, es_core::ReplyOf<C>>
where
    C: Command<Aggregate = Tree>,
    Tree: Handle<C>,
{
    tokio::spawn(app.execute(command)).await.unwrap().unwrap()
}

async fn every_kind_of_handler_can_be_spawned(place: Place) {
    let app = trees(&place).await;
    assert_eq!(spawned(&app, Plant { tree: 1 }).await.version, 1);
    assert_eq!(spawned(&app, Grow { tree: 1 }).await.version, 2);
    assert_eq!(spawned(&app, GrowTwice { tree: 1 }).await.version, 4);
    assert_eq!(spawned(&app, GrowMany { tree: 1 }).await.version, 6);
    assert_eq!(spawned(&app, AskRain { tree: 1 }).await.version, 7);
    assert_eq!(spawned(&app, Wait { tree: 1 }).await.version, 8);
    assert_eq!(spawned(&app, Whichever { tree: 1 }).await.version, 9);
    assert_eq!(spawned(&app, Whichever { tree: 2 }).await.version, 2);
    assert_eq!(spawned(&app, Ask { tree: 1 }).await.reply, Leaves(22));
    let group = app.execute_all((Grow { tree: 1 }, Plant { tree: 3 }));
    assert_eq!(tokio::spawn(group).await.unwrap().unwrap().0.version, 10);
    let json = app.execute_json("Grow", serde_json::json!({ "tree": 1 }));
    assert_eq!(tokio::spawn(json).await.unwrap().unwrap()["version"], 11);
}

async fn what_raises_nothing_appends_nothing(place: Place) {
    let app = trees(&place).await;
    app.execute(Plant { tree: 1 }).await.unwrap();
    let tended = spawned(&app, Tend { tree: 1 }).await;
    let ignored = spawned(&app, Ignore { tree: 1 }).await;
    let pruned = spawned(&app, Prune { tree: 1 }).await;
    let asked = spawned(&app, Ask { tree: 1 }).await;
    assert_eq!([tended.version, ignored.version, pruned.version, asked.version], [1; 4]);
    assert_eq!(place.names(&Tree::stream(&1)).await, ["Planted"]);
    let refused = app.execute(Ignore { tree: 9 }).await.unwrap_err();
    assert!(matches!(refused, CommandError::NotFound { .. }), "{refused}");
}

async fn a_draft_that_breaks_the_order_writes_nothing(place: Place) {
    let app = trees(&place).await;
    app.execute(Plant { tree: 1 }).await.unwrap();
    let refused = app.execute(Replant { tree: 1 }).await.unwrap_err();
    let CommandError::Decode(DecodeError::CorruptStream { version, event, .. }) = refused else {
        panic!("{refused}")
    };
    assert_eq!((version, event.as_str()), (3, "Grown"));
    assert_eq!(place.names(&Tree::stream(&1)).await, ["Planted"]);
}

async fn a_context_gives_the_same_new_ids_for_the_same_command(place: Place) {
    let app = trees(&place).await;
    app.execute(Plant { tree: 1 }).await.unwrap();
    app.execute(Plant { tree: 2 }).await.unwrap();
    let id = CommandId::named("fork");
    let (first, second) = app.execute(Fork { tree: 1 }).id(id).await.unwrap().reply;
    assert_ne!(first, second);
    // The ids are the command's, whichever stream it is for.
    assert_eq!(app.execute(Fork { tree: 2 }).id(id).await.unwrap().reply, (first, second));
    assert_ne!(app.execute(Fork { tree: 1 }).await.unwrap().reply.0, first);
}

async fn an_answer_of_an_end_is_read_from_the_last_living_state(place: Place) {
    let app = trees(&place).await;
    app.execute(Plant { tree: 1 }).await.unwrap();
    let done = app.execute(Fell { tree: 1 }).await.unwrap();
    assert_eq!((done.reply, done.version, done.state.is_none()), (Leaves(5), 3, true));
    let refused = app.execute(Plant { tree: 1 }).await.unwrap_err();
    assert!(matches!(refused, CommandError::Ended { .. }), "{refused}");
}
