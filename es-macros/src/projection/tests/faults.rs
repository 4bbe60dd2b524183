//! Faults, all of them at once.

use crate::projection::expand;
use crate::testing::messages;
use expect_test::expect;
use quote::quote;

#[test]
fn every_fault_of_a_declaration_is_reported_at_once() {
    let args = quote!(key("day"), name = "daily-orders", version = 0, inline = true, keys = 1, inline);
    expect![[r#"
        write `key = Date`
        `version` starts at 1
        `inline` takes no value
        `keys` is not known here: `#[projection]` takes `key = Date`, `name = ".."`, `version = 2`, `inline`, `no_derive(Debug)`, `crate = ::path::to::es_core`
        `inline` stands here twice: remove one of them
        a projection has no generics: name the types that it holds
        a stream is `name-id`, so its name cannot hold a `-`: write "daily_orders""#]].assert_eq(
        &messages(&expand(
            args,
            quote!(
                struct Days<T>(T);
            ),
        ))
        .join("\n"),
    );
}

#[test]
fn every_fault_of_a_block_of_documents_is_reported_at_once() {
    let block = quote!(
        impl DailyOrders {
            fn nothing(&mut self) {}
            async fn one(&mut self, e: One) {}
            fn two(&self, e: &Two) {}
            fn three(e: &Three) {}
            fn four(&mut self, e: &Four, mailer: &dyn Mailer, cx: &Context<Self>, app: &App, n: u8, raw: &RawEvent) {}
            #[key]
            fn five(&mut self, e: &Five) {}
            #[key(e.a, e.b)]
            #[key(e.c)]
            fn six(&mut self, e: &Six) {}
            fn seven(&mut self, env: &Envelope) {}
            #[retry(max = 1)]
            fn elsewhere(&mut self, e: &Eight) {}
        }
    );
    expect![[r#"
        `version` is not known here: `#[projection]` on an `impl` block takes `crate = ::path::to::es_core`
        `nothing` takes no event: a projection's method takes `&Event` first; other functions belong in an ordinary `impl` block
        a method that keeps documents is not async: it only writes down what has happened; one that keeps rows of its own takes `&mut PgTx`, and what else has to wait is for a reactor
        a projection only looks at its event: write `&One`
        a method changes the document (`&mut self`) or deletes it (`self`); one that keeps rows of its own takes `&self` and `&SqliteTx`, or is async and takes `&mut PgTx`
        a method changes the document (`&mut self`) or deletes it (`self`); one that keeps rows of its own takes `&self` and `&SqliteTx`, or is async and takes `&mut PgTx`
        a projection takes no service, so that it can be built anew from the log at any time: what needs one is for a reactor
        a projection sees the log and nothing else, `&Context<Self>` is for reactors: `&Envelope` knows id, stream, version and `recorded_at`
        a projection sees the log and nothing else, `&App` is for reactors: `&Envelope` knows id, stream, version and `recorded_at`
        behind its event a projection's method takes `&Envelope`, and the key or the stream's id as `&T`
        the event comes first, as itself or as `&RawEvent`
        write `#[key(e.day)]`: an expression over the method's parameters
        `#[key(..)]` stands here twice: give a `Vec` where an event is for several keys
        unexpected token: write `#[key(e.day)]`: an expression over the method's parameters
        a projection's method takes its event first, `&Event`: the name of a type with `#[event]`, or `&RawEvent`
        `#[retry]` belongs in the `#[command_handler]` block"#]].assert_eq(&messages(&expand(quote!(version = 2), block)).join("\n"));
}

#[test]
fn every_fault_of_a_block_of_rows_is_reported_at_once() {
    let block = quote!(
        impl Balances {
            fn setup(tx: &SqliteTx, name: &str) {}
            fn tables(tx: &SqliteTx) -> Result<(), Fault> {}
            fn setup_again(tx: &SqliteTx) -> Result<(), Fault> {}
            fn setup() {}
            fn one(&mut self, e: &One, tx: &SqliteTx) {}
            fn two(&self, e: &Two, tx: &mut PgTx) {}
            #[key(e.day)]
            fn three(&self, e: &Three, tx: &SqliteTx) {}
            async fn four(&self, e: &Four, tx: &SqliteTx) {}
            async fn five(&self, e: &Five, tx: &mut SqliteTx) {}
            fn six(&self, e: &Six, tx: &mut SqliteTx) {}
            fn seven(&self, e: &Seven, tx: SqliteTx) {}
            async fn eight(&self, e: &Eight) {}
        }
    );
    expect![[r#"
        the set-up takes the transaction alone: write `fn setup(tx: &SqliteTx) -> Result<(), E>`
        the set-up answers a `Result`: write `fn setup(tx: &SqliteTx) -> Result<(), E>`
        a second set-up: one method without receiver makes all tables
        the set-up takes the transaction alone: write `fn setup(tx: &SqliteTx) -> Result<(), E>`
        the set-up answers a `Result`: write `fn setup(tx: &SqliteTx) -> Result<(), E>`
        a method that keeps rows takes `&self`: what it changes is behind the transaction
        a projection keeps its rows in one database, and another method takes its `SqliteTx`
        rows have no key: the method itself says which of them it changes
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`
        a projection borrows its transaction: write `&SqliteTx`
        another method here is a plain `fn` with `&SqliteTx`: remove `async`"#]]
    .assert_eq(&messages(&expand(quote!(), block)).join("\n"));
}

#[test]
fn every_fault_of_a_block_of_async_rows_is_reported_at_once() {
    let block = quote!(
        impl Balances {
            async fn setup(tx: &PgTx) -> Result<(), Fault> {}
            async fn one(&self, e: &One, tx: &mut PgTx) {}
            fn two(&self, e: &Two, tx: &PgTx) {}
            fn three(&self, e: &Three, tx: &mut PgTx) {}
            async fn four(&self, e: &Four, tx: PgTx) {}
            fn five(&self, e: &Five) {}
            async fn setup(tx: &mut PgTx) {}
        }
    );
    expect![[r#"
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`
        a projection borrows its transaction: write `&mut PgTx`
        the set-up answers a `Result`: write `async fn setup(tx: &mut PgTx) -> Result<(), E>`"#]]
    .assert_eq(&messages(&expand(quote!(), block)).join("\n"));
}

#[test]
fn a_block_without_methods_says_so() {
    expect!["no method here follows an event: write `fn placed(&mut self, e: &OrderPlaced) { .. }`"]
        .assert_eq(&messages(&expand(quote!(), quote!(impl DailyOrders {}))).join("\n"));
}

#[test]
fn another_item_is_given_back() {
    for item in [
        quote!(
            fn placed() {}
        ),
        quote!(
            enum Days {
                One,
            }
        ),
    ] {
        let given_back = expand(quote!(key = Date), item.clone());
        assert!(given_back.to_string().starts_with(&item.to_string()), "{given_back}");
        assert_eq!(messages(&given_back).len(), 1);
    }
}

#[test]
fn a_transaction_is_taken_in_the_form_of_its_store() {
    let block = |methods| messages(&expand(quote!(), quote!(impl Balances { #methods }))).join("\n");
    let postgres = block(quote!(
        fn one(&self, e: &One, tx: &PgTx) {}
        fn two(&self, e: &Two, tx: PgTx) {}
    ));
    expect![[r#"
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`
        `PgTx` is for an `async fn`: write `async fn` and `&mut PgTx`"#]]
    .assert_eq(&postgres);
    let sqlite = block(quote!(
        async fn one(&self, e: &One, tx: &mut SqliteTx) {}
        async fn two(&self, e: &Two, tx: SqliteTx) {}
    ));
    expect![[r#"
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`
        `SqliteTx` is for a plain `fn`: write a plain `fn` and `&SqliteTx`"#]]
    .assert_eq(&sqlite);
    let other = block(quote!(
        fn one(&self, e: &One, tx: &mut OtherTx) {}
        async fn two(&self, e: &Two, tx: &OtherTx) {}
    ));
    expect![[r#"
        `&mut OtherTx` is for an `async fn`: write `async`, or `&OtherTx` in a plain one
        `&OtherTx` is for a plain `fn`: remove `async`, or write `&mut OtherTx`"#]]
    .assert_eq(&other);
    assert_eq!(
        block(quote!(
            fn one(&self, e: &One, tx: &OtherTx) {}
        )),
        ""
    );
    assert_eq!(
        block(quote!(
            async fn one(&self, e: &One, tx: &mut OtherTx) {}
        )),
        ""
    );
}
