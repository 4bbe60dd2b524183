//! Model to code. Nothing here can fail.

use super::syntax::mentions;
use super::{Follows, Keeps, Message, Model, Param, Role};
use crate::ctx::ends;
use crate::names::source_text;
use crate::sig::{self, Block, Method, braced_at, respan};
use proc_macro2::{Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::spanned::Spanned;
use syn::{Expr, Pat, Type};

/// The trait with the methods. `sound` says that no fault was found: the comparison with the type waits for
/// that.
pub fn all(model: &Model<'_>, block: &Block, sound: bool) -> TokenStream {
    let p = &model.root.private();
    let (cfgs, registration) = (block.cfgs(), registration(p, model));
    let methods = match model.keeps {
        Keeps::Documents => documents(p, model),
        Keeps::Rows(tx, _) => rows(p, model, tx),
    };
    let agrees = sound.then(|| agrees(p, model));
    quote! {
        #(#cfgs)*
        const _: () = {
            #[allow(unused_imports)]
            use #p::{NoProjection as _, OfStream as _};
            #methods
            #agrees
            #registration
        };
    }
}

/// `impl Document for DailyOrders { const METHODS: .. = &[DocumentMethod::event::<OrderPlaced>(..), ..]; }`
fn documents(p: &TokenStream, model: &Model<'_>) -> TokenStream {
    let (projection, place) = (model.projection, model.projection.span());
    let methods = model.methods.iter().map(|follows| {
        let (cfgs, name) = (follows.method.cfgs(), follows.method.name().to_string());
        let keys = follows
            .key
            .as_ref()
            .map_or_else(|| quote!(#p::key_of_stream::<Self>), |key| keys(p, follows, key));
        let (taken, apply) = (taken(follows), change(p, follows));
        let is_seen = follows.params.iter().any(|param| matches!(param.role, Role::Envelope));
        let with_envelope = is_seen.then(|| quote!(.with_envelope()));
        quote!(#(#cfgs)* #p::DocumentMethod::#taken(#name, #keys, #apply) #with_envelope)
    });
    let head = respan(&quote!(impl #p::Document for #projection), place);
    let body = quote! {
        #[allow(unused_variables, unused_mut)]
        const METHODS: &'static [#p::DocumentMethod<Self>] = &[#(#methods),*];
    };
    let body = braced_at(body, place);
    quote! {
        #[automatically_derived]
        #head
        where
            for<'__es_any> #projection:
                ::core::clone::Clone + #p::serde::Serialize + #p::serde::de::DeserializeOwned,
        #body
    }
}

/// `impl Rows for Balances { type Tx = SqliteTx; const METHODS: .. = &[..]; fn setup(..) -> .. { .. } }`
fn rows(p: &TokenStream, model: &Model<'_>, tx: &Type) -> TokenStream {
    let (projection, place) = (model.projection, model.projection.span());
    let methods = model.methods.iter().map(|follows| {
        let (cfgs, name) = (follows.method.cfgs(), follows.method.name().to_string());
        let (taken, apply) = (taken(follows), change_rows(p, follows));
        quote!(#(#cfgs)* #p::RowMethod::#taken(#name, #apply))
    });
    let setup = model.setup.map(|setup| {
        let (cfgs, name) = (setup.cfgs(), setup.name());
        let settled = settled(p, setup, &quote!(Self::#name(__es_tx)));
        quote!(#(#cfgs)* #settled?;)
    });
    let waits = model.setup.and_then(|setup| setup.sig.asyncness);
    let boxed = boxed(
        waits.map_or_else(Span::call_site, |token| token.span),
        &quote!(#setup ::core::result::Result::<(), #p::BoxError>::Ok(())),
    );
    let head = respan(&quote!(impl #p::Rows for #projection), place);
    let body = quote! {
        type Tx = #tx;
        const METHODS: &'static [#p::RowMethod<Self>] = &[#(#methods),*];
        fn setup(__es_tx: &mut #tx) -> #p::BoxFuture<'_, ::core::result::Result<(), #p::BoxError>> {
            #boxed
        }
    };
    let body = braced_at(body, place);
    quote!(#[automatically_derived] #head #body)
}

/// `event::<OrderPlaced>`, or `any`
fn taken(follows: &Follows<'_>) -> TokenStream {
    match follows.message {
        Message::Any => quote!(any),
        Message::Event(event) => quote!(event::<#event>),
    }
}

/// `|message, event| { let e: &OrderPlaced = message; .. Ok(IntoKeys::<K>::into_keys(e.day)) }`
fn keys(p: &TokenStream, follows: &Follows<'_>, key: &Expr) -> TokenStream {
    let lets = follows.params.iter().map(|param| given(p, follows, param, key));
    // What the expression gives is blamed where it stands.
    let (first, last) = ends(key);
    let into = respan(&quote!(<_ as #p::IntoKeys<<Self as #p::Projection>::Key>>::), first);
    let into_keys = quote_spanned!(last=> into_keys);
    quote! {
        |__es_message, __es_event| {
            #(#lets)*
            ::core::result::Result::Ok(#into #into_keys(#key))
        }
    }
}

/// `let e: &OrderPlaced = message;`: a parameter, as far as it is known before the key is.
fn given(p: &TokenStream, follows: &Follows<'_>, param: &Param<'_>, key: &Expr) -> Option<TokenStream> {
    let pattern = &*param.written.pat;
    if matches!(pattern, Pat::Wild(_)) {
        return None;
    }
    match (param.role, follows.message) {
        (Role::Message, Message::Any) => Some(quote!(let #pattern: &#p::RawEvent = __es_event;)),
        (Role::Message, Message::Event(event)) => {
            Some(quote!(let #pattern: &#event = #p::message(__es_message);))
        }
        (Role::Envelope, _) => Some(quote!(let #pattern: &#p::Envelope = &__es_event.envelope;)),
        // The key itself is not known yet: only what the expression uses is asked for.
        (Role::Id(id), _) if mentions(key, pattern) => {
            let found = id_param(p, id, &quote!(early(&__es_event.envelope)));
            Some(quote!(let __es_id = #found; let #pattern: &#id = &__es_id;))
        }
        (Role::Id(_) | Role::Transaction, _) => None,
    }
}

/// `|change| { let document = ..; Self::placed(document, message(change.message), ..); Ok(()) }`
fn change(p: &TokenStream, follows: &Follows<'_>) -> TokenStream {
    let change = quote!(__es_change);
    let (ids, arguments) = arguments(p, follows, &quote!(__es_change.key));
    let document = if follows.deletes {
        quote! {
            let ::core::option::Option::Some(__es_document) =
                ::core::option::Option::take(#change.document)
            else {
                return ::core::result::Result::Ok(());
            };
        }
    } else {
        quote! {
            let __es_document = ::core::option::Option::get_or_insert_with(
                #change.document,
                <Self as ::core::default::Default>::default,
            );
        }
    };
    let name = follows.method.name();
    let settled = settled(p, follows.method, &quote!(Self::#name(__es_document, #(#arguments),*)));
    quote!(|#change| { #(#ids)* #document #settled })
}

/// `RowApply::Now(|change| { Self::deposited(change.projection, message(change.message), ..).settle() })`, or
/// `RowApply::Later(|change| Box::pin(async move { Self::deposited(..).await.settle() }))`
fn change_rows(p: &TokenStream, follows: &Follows<'_>) -> TokenStream {
    let (ids, arguments) = arguments(p, follows, &quote!(&()));
    let name = follows.method.name();
    let settled = settled(p, follows.method, &quote!(Self::#name(__es_change.projection, #(#arguments),*)));
    match &follows.method.sig.asyncness {
        None => quote!(#p::RowApply::Now(|__es_change| { #(#ids)* #settled })),
        Some(token) => {
            let boxed = boxed(token.span, &quote!(#(#ids)* #settled));
            quote!(#p::RowApply::Later(|__es_change| #boxed))
        }
    }
}

/// A future that is blamed at `place` if it cannot be sent to another thread.
fn boxed(place: Span, body: &TokenStream) -> TokenStream {
    let body = braced_at(body.clone(), place);
    quote_spanned!(place=> ::std::boxed::Box::pin(async move #body))
}

/// What a method is called with, and before that the ids among them, which may not be there.
fn arguments(
    p: &TokenStream,
    follows: &Follows<'_>,
    key: &TokenStream,
) -> (Vec<TokenStream>, Vec<TokenStream>) {
    let mut ids = Vec::new();
    let arguments = follows.params.iter().enumerate().map(|(at, param)| match param.role {
        Role::Message => quote!(#p::message(__es_change.message)),
        Role::Envelope => quote!(&__es_change.event.envelope),
        Role::Transaction => quote!(__es_change.tx),
        Role::Id(id) => {
            let name = format_ident!("__es_id_{at}");
            let found = id_param(p, id, &quote!(get(#key, &__es_change.event.envelope)));
            ids.push(quote!(let #name = #found;));
            quote!(&#name)
        }
    });
    let arguments = arguments.collect();
    (ids, arguments)
}

/// `IdParam::<Key, OrderId>::NEW.get(key, envelope)?`: the key where the types are one, else the stream's id.
fn id_param(p: &TokenStream, id: &Type, ask: &TokenStream) -> TokenStream {
    respan(&quote!(#p::IdParam::<<Self as #p::Projection>::Key, #id>::NEW.#ask?), id.span())
}

/// The call, and what it answers as a `Result`. The returned type is blamed where it is none.
fn settled(p: &TokenStream, method: &Method, call: &TokenStream) -> TokenStream {
    let waits = method.sig.asyncness.is_some();
    let Some(returned) = sig::returned(&method.sig) else {
        return if waits {
            quote!(#p::Projected::settle(#call.await))
        } else {
            quote!(#call; ::core::result::Result::Ok(()))
        };
    };
    let settle = quote_spanned!(returned.span()=> settle);
    let wait = waits.then(|| quote!(.await));
    quote!(<#returned as #p::Projected>::#settle(#call #wait))
}

/// The type is declared for what its methods keep.
fn agrees(p: &TokenStream, model: &Model<'_>) -> TokenStream {
    let (projection, place) = (model.projection, model.projection.span());
    let check = match model.keeps {
        Keeps::Documents => quote!(#p::assert_keeps_documents::<#projection, #projection>()),
        Keeps::Rows(..) => quote!(#p::assert_keeps_rows::<#projection, #projection>()),
    };
    let check = respan(&check, place);
    quote!(const _: () = #check;)
}

/// `inventory::submit! { Followed::<DailyOrders>::DOCUMENTS.at("shop::DailyOrders") }`
fn registration(p: &TokenStream, model: &Model<'_>) -> TokenStream {
    let projection = model.projection;
    let path = format!("::{}", source_text(projection));
    let record = match model.keeps {
        Keeps::Documents => quote!(DOCUMENTS),
        Keeps::Rows(..) => quote!(ROWS),
    };
    quote! {
        #p::inventory::submit! {
            #p::Followed::<#projection>::#record.at(::core::concat!(::core::module_path!(), #path))
        }
    }
}
