//! Model to code. Nothing here can fail.

use super::{Message, Model, Param, Reaction, Receiver};
use crate::ctx::ends;
use crate::names::source_text;
use crate::sig::{Block, braced_at, respan};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::Type;
use syn::ext::IdentExt;
use syn::spanned::Spanned;

/// `impl React for Offer { const METHODS = &[..]; }`. Its head and its braces stand where the type stands: that
/// is where rustc shows the conflict if there is a second block.
pub fn all(model: &Model<'_>, block: &Block) -> TokenStream {
    let (p, reactor, place) = (&model.root.private(), model.reactor, model.reactor.span());
    let methods = model.reactions.iter().map(|reaction| {
        let (cfgs, record) = (reaction.method.cfgs(), record(p, reaction));
        quote!(#(#cfgs)* #record)
    });
    // The condition is where a type without `#[reactor]` is blamed, once; in the block it is taken to hold.
    let head = respan(&quote!(impl #p::React for #reactor where #reactor: #p::Reactor), place);
    let body = quote! {
        const METHODS: &'static [#p::ReactorMethod<Self>] = &[#(#methods),*];
    };
    let (cfgs, body, registration) = (block.cfgs(), braced_at(body, place), registration(p, reactor));
    quote! {
        #(#cfgs)*
        const _: () = {
            #[automatically_derived]
            #head #body
            #registration
        };
    }
}

/// `ReactorMethod { name: "added", .. }`
fn record(p: &TokenStream, reaction: &Reaction<'_>) -> TokenStream {
    let name = reaction.name().unraw().to_string();
    let (takes, read, execute) = message(p, reaction.message);
    let returned = returned(reaction);
    let (services, keys, run) = (services(p, reaction), keys(p, reaction), run(p, reaction));
    let mode = quote!(<Self as #p::Reactor>::Mode);
    quote! {
        #p::ReactorMethod {
            name: #name,
            takes: #takes,
            issues: <#returned as #p::Reaction>::names,
            joins: <#returned as #p::Joins<#mode>>::joins,
            services: #services,
            read: #read,
            keys: #keys,
            execute: #execute,
            run: #run,
        }
    }
}

/// What a method takes, how it is read, and how the command is executed whose refusal it takes.
fn message(p: &TokenStream, message: Message<'_>) -> (TokenStream, TokenStream, TokenStream) {
    let none = quote!(::core::option::Option::None);
    match message {
        Message::Event(event) => {
            (quote!(#p::Takes::event::<#event>()), quote!(#p::read_event::<#event>), none)
        }
        Message::Any(_) => (quote!(#p::Takes::Any), quote!(#p::read_raw), none),
        Message::Refused(_, command) => (
            quote!(#p::Takes::Refused { command: <#command as #p::Command>::NAME }),
            quote!(#p::read_refusal),
            quote!(::core::option::Option::Some(#p::execute_refusable::<#command>)),
        ),
    }
}

fn returned(reaction: &Reaction<'_>) -> TokenStream {
    reaction.returned.map_or_else(|| quote!(()), ToTokens::to_token_stream)
}

/// `|needs| { Param::<Self, Key, Rates>::NEW.need("Rates", needs); }`
fn services(p: &TokenStream, reaction: &Reaction<'_>) -> TokenStream {
    let needs: Vec<_> = reaction
        .params
        .iter()
        .filter_map(|param| match *param {
            Param::Service(ty) => {
                let (effects, name) = (effects(p, ty.span()), source_text(ty));
                Some(quote!(#effects __es_needs.push(#p::ServiceNeed::of::<#ty>(#name));))
            }
            Param::ByType(ty) => {
                let (param, name) = (by_type(p, ty), source_text(ty));
                let need = respan(&quote!(.need), ty.span());
                Some(quote!(#param #need(#name, __es_needs);))
            }
            _ => None,
        })
        .collect();
    if needs.is_empty() {
        return quote!(|_| {});
    }
    quote! {
        |__es_needs| {
            #[allow(unused_imports)]
            use #p::{ViaService as _, ViaStream as _};
            #(#needs)*
        }
    }
}

/// `stream_key::<Key>`; or, for `#[key(e.cart)]`,
/// `|message, event| { let e: &Added = message(message); Ok(IntoKeys::<Key>::into_keys(e.cart)) }`
fn keys(p: &TokenStream, reaction: &Reaction<'_>) -> TokenStream {
    let of = quote!(<Self as #p::Reactor>::Key);
    let Some(key) = &reaction.key else {
        let by = if matches!(reaction.message, Message::Refused(..)) {
            quote!(no_keys)
        } else {
            quote!(stream_key)
        };
        return quote!(#p::#by::<#of>);
    };
    let (Message::Event(ty) | Message::Any(ty) | Message::Refused(ty, _)) = reaction.message;
    let name = reaction.message_name;
    let envelopes = reaction.params.iter().filter_map(|param| match param {
        Param::Envelope(name) => Some(quote!(let #name: &#p::Envelope = &__es_event.envelope;)),
        _ => None,
    });
    // The whole call stands where the expression stands: that is what is to be blamed for its type.
    let (first, last) = ends(key);
    let (convert, key) = (respan(&quote!(#p::IntoKeys::<#of>::into_keys), first), parenthesized(key, last));
    quote! {
        |__es_message, __es_event| {
            #[allow(unused_variables)]
            let #name: &#ty = #p::message(__es_message);
            #(#[allow(unused_variables)] #envelopes)*
            ::core::result::Result::Ok(#convert #key)
        }
    }
}

fn parenthesized(tokens: &TokenStream, span: Span) -> proc_macro2::Group {
    let mut group = proc_macro2::Group::new(proc_macro2::Delimiter::Parenthesis, tokens.clone());
    group.set_span(span);
    group
}

/// `|call| Box::pin(async move { Reaction::settle(Self::added(state(call.state), message(call.message), ..)) })`
fn run(p: &TokenStream, reaction: &Reaction<'_>) -> TokenStream {
    let (name, returned) = (reaction.name(), returned(reaction));
    let (state, receiver) = receiver(p, reaction.receiver);
    let waits = reaction.method.sig.asyncness.as_ref().map(|token| (token.span(), effects(p, token.span())));
    let searched = reaction.params.iter().any(|param| matches!(param, Param::ByType(_)));
    let source = searched.then(|| {
        quote! {
            #[allow(unused_imports)]
            use #p::{ViaService as _, ViaStream as _};
            let __es_source = #p::Call::source(&__es_call);
        }
    });
    let told = match reaction.message {
        Message::Refused(ty, _) => {
            let reactor = respan(&quote!(Self), ty.span());
            Some(quote!(#p::assert_hears::<#reactor>();))
        }
        _ => None,
    };
    let checks = reaction.params.iter().filter_map(|param| match param {
        Param::Context(ty) | Param::App(ty) => Some(effects(p, ty.span())),
        _ => None,
    });
    let arguments = reaction.params.iter().map(|param| argument(p, param));
    let (place, checked, wait) = match waits {
        Some((place, effects)) => (place, Some(effects), Some(quote!(.await))),
        None => (name.span(), None, None),
    };
    let body = quote! {
        #checked #told #(#checks)*
        #state
        #source
        <#returned as #p::Reaction>::settle(
            Self::#name(#receiver, #p::message(__es_call.message), #(#arguments),*) #wait
        )
    };
    let body = braced_at(body, place);
    let boxed = quote_spanned!(place=> ::std::boxed::Box::pin(async move #body));
    quote!(|__es_call| #boxed)
}

/// What stands before the call, and what is handed over as `self`. That the reactor has a state, or has none,
/// is asked where the receiver stands.
fn receiver(p: &TokenStream, receiver: Receiver) -> (Option<TokenStream>, TokenStream) {
    let asked = |place| respan(&quote!(Self), place);
    match receiver {
        Receiver::State(place) => {
            let reactor = asked(place);
            (None, quote!(#p::state::<#reactor>(__es_call.state)))
        }
        Receiver::End(place) => {
            let reactor = asked(place);
            (None, quote!(#p::last_state::<#reactor>(__es_call.state)))
        }
        Receiver::Stateless(place) => {
            let reactor = asked(place);
            (Some(quote!(let __es_self = #p::no_state::<#reactor>();)), quote!(&__es_self))
        }
    }
}

fn argument(p: &TokenStream, param: &Param<'_>) -> TokenStream {
    match param {
        Param::Envelope(_) => quote!(&__es_call.event.envelope),
        Param::Context(_) => quote!(__es_call.context),
        Param::App(_) => quote!(__es_call.app),
        Param::Service(ty) => quote!(#p::Services::get::<#ty>(__es_call.services)),
        Param::ByType(ty) => {
            let (param, get) = (by_type(p, ty), respan(&quote!(.get), ty.span()));
            quote!(&*#param #get(__es_source)?)
        }
    }
}

fn by_type(p: &TokenStream, ty: &Type) -> TokenStream {
    quote!(#p::Param::<Self, <Self as #p::Reactor>::Key, #ty>::NEW)
}

/// Asks, where something stands that only effects need, whether the reactor has them.
fn effects(p: &TokenStream, place: Span) -> TokenStream {
    let reactor = respan(&quote!(Self), place);
    quote!(#p::assert_effects::<#reactor>();)
}

/// `inventory::submit! { Reacting::<Offer>::RECORD.at("shop::Offer") }`
fn registration(p: &TokenStream, reactor: &Type) -> TokenStream {
    let path = format!("::{}", source_text(reactor));
    quote! {
        #[allow(unused_imports)]
        use #p::NoReactor as _;
        #p::inventory::submit! {
            #p::Reacting::<#reactor>::RECORD.at(::core::concat!(::core::module_path!(), #path))
        }
    }
}
