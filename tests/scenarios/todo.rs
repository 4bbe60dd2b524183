//! Lists of things to do, and the items on them: two aggregates.

use crate::kit::{recorded, stored};
use es_core::prelude::*;

#[event(name = "todo_list/created")]
pub struct TodoListCreated {
    pub name: String,
}
#[event(name = "todo_list/name_updated")]
pub struct NameUpdated {
    pub name: String,
}
#[event(name = "todo_item/created")]
pub struct TodoItemCreated {
    pub todo_list_id: String,
    pub name: String,
}

#[command(TodoList)]
pub struct CreateTodoList {
    #[id]
    pub list: String,
    pub name: String,
}
#[command(TodoList)]
pub struct UpdateName {
    #[id]
    pub list: String,
    pub name: String,
}
#[command(TodoItem)]
pub struct CreateTodoItem {
    #[id]
    pub item: String,
    pub list: String,
    pub name: String,
}

#[aggregate(id = String)]
pub struct TodoList {
    name: String,
}

#[applier]
impl TodoList {
    fn created(e: &TodoListCreated) -> Self {
        Self { name: e.name.clone() }
    }
    fn name_updated(&mut self, e: &NameUpdated) {
        self.name.clone_from(&e.name);
    }
}

#[command_handler]
impl TodoList {
    fn create(command: CreateTodoList) -> TodoListCreated {
        TodoListCreated { name: command.name }
    }
    fn update_name(&self, command: UpdateName) -> Option<NameUpdated> {
        (command.name != self.name).then_some(NameUpdated { name: command.name })
    }
}

#[aggregate(id = String)]
pub struct TodoItem {
    list: String,
    name: String,
}

#[applier]
impl TodoItem {
    fn created(e: &TodoItemCreated) -> Self {
        Self { list: e.todo_list_id.clone(), name: e.name.clone() }
    }
}

#[command_handler]
impl TodoItem {
    fn create(command: CreateTodoItem) -> TodoItemCreated {
        TodoItemCreated { todo_list_id: command.list, name: command.name }
    }
}

async fn app(store: impl EventStore) -> App {
    App::builder(store).aggregate::<TodoList>().aggregate::<TodoItem>().build().await.unwrap()
}

fn create(name: &str) -> CreateTodoList {
    CreateTodoList { list: "1".into(), name: name.into() }
}
fn rename(name: &str) -> UpdateName {
    UpdateName { list: "1".into(), name: name.into() }
}

on_every_store! {
    ac_17_a_list_is_created,
    ac_18_a_list_is_renamed,
    ac_19_renaming_to_the_same_name_changes_nothing,
    ac_20_an_item_is_a_stream_of_its_own,
}

async fn ac_17_a_list_is_created(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    let source = Metadata::new().with("source", "test");
    let done = app.execute(create("My first list")).metadata(source).await.unwrap();
    assert_eq!(done.state.unwrap().name, "My first list");

    let event = app.history::<TodoList>(&"1".into()).await.unwrap().remove(0);
    assert_eq!(event.envelope.metadata.get::<String>("source").as_deref(), Some("test"));
    assert_eq!(stored(&store, &event.envelope.stream).await[0].name, "todo_list/created");
}

async fn ac_18_a_list_is_renamed(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    app.execute(create("My first list")).await.unwrap();
    let done = app.execute(rename("New name")).await.unwrap();
    assert_eq!((done.version, done.state.unwrap().name.as_str()), (2, "New name"));
    let event = stored(&store, &StreamId::named("todo_list-1")).await.remove(1);
    assert_eq!(event.name, "todo_list/name_updated");
    assert_eq!(event.payload.as_deref(), Some(br#"{"name":"New name"}"#.as_slice()));
}

async fn ac_19_renaming_to_the_same_name_changes_nothing(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    app.execute(create("My first list")).await.unwrap();
    app.execute(rename("New name")).await.unwrap();
    let again = app.execute(rename("New name")).await.unwrap();
    assert_eq!((again.version, again.events), (2, vec![]));
    assert_eq!(recorded(&store).await, 2);
}

async fn ac_20_an_item_is_a_stream_of_its_own(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    app.execute(create("New name")).await.unwrap();
    let item = CreateTodoItem { item: "1".into(), list: "1".into(), name: "Todo".into() };
    app.execute(item).await.unwrap();

    let item = app.load::<TodoItem>(&"1".into()).await.unwrap().unwrap();
    assert_eq!((item.name.as_str(), item.list.as_str()), ("Todo", "1"));
    assert_eq!(stored(&store, &StreamId::named("todo_item-1")).await[0].name, "todo_item/created");
    assert_eq!(stored(&store, &StreamId::named("todo_list-1")).await.len(), 1);
}
