//! Messages that stay in the process: a kitchen that is told of orders.

use es_core::{BoxFuture, Dispatcher, FanOutError};
use std::sync::{Arc, Mutex};

struct Ordered {
    dish: &'static str,
}
struct Served;

#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
#[error("{0} cannot")]
struct Refusal(&'static str);

/// Who was told what, in order.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<(&'static str, &'static str)>>>);

impl Told {
    fn note(&self, who: &'static str, order: &Ordered) {
        self.0.lock().unwrap().push((who, order.dish));
    }

    fn whom(&self) -> Vec<&'static str> {
        std::mem::take(&mut *self.0.lock().unwrap()).into_iter().map(|(who, _)| who).collect()
    }
}

/// Handlers h1, h2 and h3, added in this order; these refuse.
fn kitchen(told: &Told, refusing: &'static [&'static str]) -> Dispatcher<Refusal> {
    ["h1", "h2", "h3"].into_iter().fold(Dispatcher::new(), |dispatcher, who| {
        let told = told.clone();
        dispatcher.on(move |order: &Ordered| {
            told.note(who, order);
            if refusing.contains(&who) { Err(Refusal(who)) } else { Ok(()) }
        })
    })
}

#[tokio::test]
async fn ac_40_the_latest_handler_is_called_first() {
    let told = Told::default();
    kitchen(&told, &[]).dispatch(&Ordered { dish: "soup" }).await.unwrap();
    assert_eq!(told.whom(), ["h3", "h2", "h1"]);
}

#[tokio::test]
async fn ac_40_an_error_ends_the_chain() {
    let told = Told::default();
    let refused = kitchen(&told, &["h2"]).dispatch(&Ordered { dish: "soup" }).await;
    assert_eq!(refused, Err(Refusal("h2")));
    assert_eq!(told.whom(), ["h3", "h2"]);
}

#[tokio::test]
async fn ac_40_a_message_that_nobody_handles_is_fine() {
    let told = Told::default();
    let kitchen = kitchen(&told, &["h1", "h2", "h3"]);
    assert_eq!(kitchen.dispatch(&Served).await, Ok(()));
    assert_eq!(kitchen.fan_out(&Served).await, Ok(()));
    assert_eq!(told.whom(), [""; 0]);
}

#[tokio::test]
async fn ac_40_a_fan_out_reaches_everyone_and_keeps_every_error() {
    let told = Told::default();
    let refused = kitchen(&told, &["h1", "h3"]).fan_out(&Ordered { dish: "soup" }).await.unwrap_err();
    assert_eq!(refused, FanOutError { errors: vec![Refusal("h3"), Refusal("h1")] });
    assert_eq!(refused.to_string(), "handlers failed: h3 cannot; h1 cannot");
    assert_eq!(told.whom(), ["h3", "h2", "h1"]);
}

#[tokio::test]
async fn handlers_that_wait_run_one_after_the_other() {
    let told = Told::default();
    let (slow, quick) = (told.clone(), told.clone());
    let kitchen: Dispatcher = Dispatcher::new()
        .on(move |order: &Ordered| {
            quick.note("quick", order);
            Ok(())
        })
        .on_async(move |order: &Ordered| {
            let slow = slow.clone();
            Box::pin(async move {
                tokio::task::yield_now().await;
                slow.note("slow", order);
                Ok(())
            })
        });
    kitchen.dispatch(&Ordered { dish: "stew" }).await.unwrap();
    assert_eq!(told.whom(), ["slow", "quick"]);
}

/// What a service's method looks like, which has to be `Send`.
fn place<'a>(
    kitchen: &'a Arc<Dispatcher<Refusal>>,
    order: &'a Ordered,
) -> BoxFuture<'a, Result<(), Refusal>> {
    Box::pin(kitchen.dispatch(order))
}

#[tokio::test]
async fn a_service_dispatches_from_any_thread() {
    let told = Told::default();
    let kitchen = Arc::new(kitchen(&told, &[]));
    let tables = ["soup", "stew"].map(|dish| {
        let kitchen = kitchen.clone();
        tokio::spawn(async move { place(&kitchen, &Ordered { dish }).await })
    });
    for table in tables {
        table.await.unwrap().unwrap();
    }
    assert_eq!(told.whom().len(), 6);
}
