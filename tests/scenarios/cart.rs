//! A shopping cart as the list of what is in it.

use crate::kit::recorded;
use es_core::prelude::*;

#[event]
pub struct ItemAdded {
    pub item: String,
}
#[event]
pub struct ItemRemoved {
    pub item: String,
}
#[event]
pub struct CheckedOut;

#[command(Cart)]
pub struct AddItem {
    #[id]
    pub cart: u32,
    pub item: String,
}
#[command(Cart)]
pub struct RemoveItem {
    #[id]
    pub cart: u32,
    pub item: String,
}
#[command(Cart)]
pub struct CheckOut {
    #[id]
    pub cart: u32,
}

#[derive(Debug, PartialEq, thiserror::Error)]
#[error("there is no {0} in the cart")]
pub struct NotInCart(String);

#[aggregate(id = u32, default)]
#[derive(Default)]
pub struct Cart {
    items: Vec<String>,
}

#[applier]
impl Cart {
    fn added(&mut self, e: &ItemAdded) {
        self.items.push(e.item.clone());
    }
    fn removed(&mut self, e: &ItemRemoved) {
        if let Some(at) = self.items.iter().position(|item| *item == e.item) {
            self.items.remove(at);
        }
    }
    fn checked_out(&mut self, _: &CheckedOut) {
        self.items.clear();
    }
}

#[command_handler]
impl Cart {
    fn add(&self, command: AddItem) -> ItemAdded {
        ItemAdded { item: command.item }
    }
    fn remove(&self, command: RemoveItem) -> Result<ItemRemoved, NotInCart> {
        if !self.items.contains(&command.item) {
            return Err(NotInCart(command.item));
        }
        Ok(ItemRemoved { item: command.item })
    }
    fn check_out(&self, _: CheckOut) -> CheckedOut {
        CheckedOut
    }
}

fn add(item: &str) -> AddItem {
    AddItem { cart: 1, item: item.into() }
}
fn remove(item: &str) -> RemoveItem {
    RemoveItem { cart: 1, item: item.into() }
}

async fn app(store: impl EventStore) -> App {
    App::builder(store).aggregate::<Cart>().build().await.unwrap()
}

on_every_store! {
    ac_23_the_cart_is_the_fold_of_its_events,
    ac_23_what_is_not_in_the_cart_cannot_be_removed,
}

async fn ac_23_the_cart_is_the_fold_of_its_events(store: impl EventStore) {
    let app = app(store).await;
    app.execute(add("computer")).await.unwrap();
    app.execute(add("computer")).await.unwrap();
    app.execute(add("phone")).await.unwrap();
    app.execute(remove("computer")).await.unwrap();
    app.execute(CheckOut { cart: 1 }).await.unwrap();

    let expected: [&[&str]; 5] = [
        &["computer"],
        &["computer", "computer"],
        &["computer", "computer", "phone"],
        &["computer", "phone"],
        &[],
    ];
    for (version, items) in (1..).zip(expected) {
        let cart = app.load_as_of::<Cart>(&1, AsOf::Version(version)).await.unwrap().unwrap();
        assert_eq!(cart.items, items, "after event {version}");
    }
}

async fn ac_23_what_is_not_in_the_cart_cannot_be_removed(store: impl EventStore + Clone) {
    let app = app(store.clone()).await;
    app.execute(add("phone")).await.unwrap();
    let refused = app.execute(remove("computer")).await.unwrap_err();
    assert!(matches!(refused, CommandError::Rejected(NotInCart(_))), "{refused}");
    assert_eq!(recorded(&store).await, 1);
}
