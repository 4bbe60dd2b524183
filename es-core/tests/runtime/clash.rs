//! A reactor and a projection under one name.

use es_core::prelude::*;
use es_core::store::MemoryStore;

#[event]
pub struct Sold;

#[reactor]
pub struct Sales;

#[reactor]
impl Sales {
    fn sold(&self, _: &Sold) {}
}

#[projection(name = "sales", key = String)]
pub struct SalesByTill {
    sold: u32,
}

#[projection]
impl SalesByTill {
    fn sold(&mut self, _: &Sold) {
        self.sold += 1;
    }
}

#[tokio::test(start_paused = true)]
async fn a_reactor_and_a_projection_have_different_names() {
    let builder = App::builder(MemoryStore::new()).reactor::<Sales>().projection::<SalesByTill>();
    let error = builder.build().await.unwrap_err();
    let [fault] = error.faults() else { panic!("{error}") };
    assert!(fault.contains("both named \"sales\""), "{fault}");
    assert!(fault.contains("`#[projection(name = \"sales_view\")]`"), "{fault}");
}
