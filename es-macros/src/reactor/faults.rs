use super::expand;
use crate::testing::messages;
use expect_test::expect;
use quote::quote;

#[test]
fn every_fault_of_a_declaration_is_reported_at_once() {
    let args = quote!(
        name = "shipped-mail",
        from = yesterday,
        version = 0,
        on_failure = "park",
        inline = true,
        retries = 3,
        no_derive(Serialize)
    );
    expect![[r#"
        [
            "write `from = now` or `from = start`",
            "`version` starts at 1",
            "write `on_failure = park`",
            "`inline` takes no value",
            "`retries` is not known here: `#[reactor]` takes `name = \"..\"`, `key = CartId`, `version = 2`, `from = start`, `retry(max = 8, backoff = \"100ms..30s\")`, `on_failure = park`, `inline`, `no_derive(Debug)`, `crate = ::path::to::es_core`",
            "a reactor has no generics: name the types that it holds",
            "a stream is `name-id`, so its name cannot hold a `-`: write \"shipped_mail\"",
            "`Serialize` is not derived here; what is: `Clone`, `Debug`, `Default`",
        ]
    "#]].assert_debug_eq(&messages(&expand(
        args,
        quote!(
            struct Mail<T>(T);
        ),
    )));
}

#[test]
fn every_fault_of_a_block_is_reported_at_once() {
    let block = quote!(
        impl Mail {
            fn helper(&self) {}
            fn by_value(&self, e: Shipped) {}
            fn envelope_first(&self, env: &Envelope, e: &Shipped) {}
            fn without_receiver(e: &Shipped) {}
            fn boxed(self: Box<Self>, e: &Shipped) {}
            fn generic<T>(&self, e: &Shipped) {}
            #[key(e.cart)]
            fn key_without_state(&self, e: &Shipped) {}
            #[key]
            fn key_that_says_nothing(&mut self, e: &Shipped) {}
            #[key(e.cart)]
            #[key(e.order)]
            fn two_keys(&mut self, e: &Shipped) {}
            #[key(refused.command.cart)]
            fn key_of_a_refusal(&mut self, refused: &Refused<Ship>) {}
            async fn waits(&mut self, e: &Shipped, mailer: &dyn Mailer) {}
            fn later(&self, e: &Shipped, raw: &RawEvent, rates: Rates) {}
            fn hidden(&self, e: &Shipped) -> impl IntoCommands {}
            #[retry(max = 1)]
            fn again(&self, e: &Shipped) {}
        }
    );
    expect![[r#"
        [
            "`key` is not known here: `#[reactor]` on an `impl` block takes `crate = ::path::to::es_core`",
            "`helper` answers nothing: a reactor's method takes `&Event` first; other functions belong in an ordinary `impl` block",
            "a reactor only looks at what it answers: write `&Shipped`",
            "a reactor's method takes what it answers first: `&Event`, `&RawEvent` or `&Refused<Command>`",
            "a reactor's method changes the state of a key (`&mut self`), ends it (`self`), or has effects and no state (`&self`)",
            "a reactor's method changes the state of a key (`&mut self`), ends it (`self`), or has effects and no state (`&self`)",
            "`generic` cannot be generic: it handles one type, name it",
            "a key separates states, and `&self` has none: its events stay in order by their streams",
            "say which key the event is for: `#[key(e.cart)]`",
            "`#[key(..)]` stands here twice: remove one of them",
            "a refusal is for the key that issued the command: remove `#[key(..)]`",
            "a reactor with a state is not async, its commands are data: issue a command, or put the effect in a reactor of its own, without `key`",
            "a reactor with a state has no effects, so no `&dyn Mailer`: issue a command, or put the effect in a reactor of its own, without `key`",
            "`&RawEvent` is what a method answers: it stands first, and alone",
            "behind its event a method takes `&Envelope`, the key or the stream's id as `&Id`, and for effects `&Context<Self>`, `&App`, and services as `&T` or `&dyn Trait`",
            "name what it returns: the commands that can come out are read from the signature",
            "`#[retry]` belongs in the `#[command_handler]` block",
        ]
    "#]].assert_debug_eq(&messages(&expand(quote!(key = CartId), block)));
}

#[test]
fn it_belongs_on_a_type_or_on_its_block() {
    let on_a_function = messages(&expand(
        quote!(),
        quote!(
            fn mail() {}
        ),
    ));
    let on_a_trait = messages(&expand(quote!(), quote!(impl Send for Mail {})));
    let empty = messages(&expand(quote!(), quote!(impl Mail {})));
    expect![[r#"
        (
            [
                "`#[reactor]` belongs on a struct or an enum, and on its `impl` block",
            ],
            [
                "`#[reactor]` is for the type's own block: write `impl Mail`",
            ],
            [
                "no method here, and a reactor answers events: write `fn added(&mut self, e: &Added) -> Option<Command> { .. }`",
            ],
        )
    "#]].assert_debug_eq(&(on_a_function, on_a_trait, empty));
}

#[test]
fn an_inline_reactor_has_no_life_of_its_own() {
    let args = quote!(inline, from = start, retry(max = 3), on_failure = skip);
    expect![[r#"
        [
            "an inline reactor answers what its commits raise, and folds the past silently: remove `from`",
            "an inline reactor is part of the command that it answers and tried again with it: remove `retry`, and write it at the command's handler, `#[command_handler(retry(..))]`",
            "where an inline reactor fails, the command that it answers fails: remove `on_failure`",
        ]
    "#]].assert_debug_eq(&messages(&expand(
        args,
        quote!(
            struct Mail;
        ),
    )));
}
