use es_core::prelude::*;

#[event]
pub struct Added;

#[reactor]
pub struct Mail;

#[reactor]
impl Mail {
    async fn added(&self, _: &Added) {
        let rate = std::rc::Rc::new(1);
        std::future::ready(()).await;
        drop(rate);
    }
}

fn main() {}
