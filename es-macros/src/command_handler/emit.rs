//! Model to code. Nothing here can fail.

use super::{Handler, Model, Needs, Param};
use crate::names::source_text;
use crate::sig::{self, Block, braced_at, respan};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::Type;
use syn::spanned::Spanned;

pub fn all(model: &Model<'_>, block: &Block) -> TokenStream {
    let p = model.root.private();
    let (p, aggregate) = (&p, model.aggregate);
    let each = model.handlers.iter().map(|handler| {
        let (cfgs, handle) = (handler.method.cfgs(), handle(p, aggregate, handler));
        quote!(#(#cfgs)* #handle)
    });
    let (cfgs, registration) = (block.cfgs(), registration(p, model));
    quote! {
        #(#cfgs)*
        const _: () = {
            #(#each)*
            #registration
        };
    }
}

/// `impl Handle<Withdraw> for Account { .. }`. Its head and its braces stand where the command stands: that
/// is where rustc shows the conflict if there is a second one, in any block.
fn handle(p: &TokenStream, aggregate: &Type, handler: &Handler<'_>) -> TokenStream {
    let (command, place) = (handler.command, handler.command.span());
    let (needs, outcome) = (handler.needs.marker(), outcome(handler));
    let retry = handler.retry.is_stated().then(|| {
        let policy = handler.retry.policy(p, "DEFAULT");
        quote!(const RETRY: #p::RetryPolicy = #policy;)
    });
    let services = services(p, handler);
    let validate = (!handler.faulty && !handler.validations.is_empty()).then(|| validate(p, handler));
    let assumed = handler.faulty.then(|| assumed(p, aggregate, handler));
    let decide = decide(p, handler);
    let body = quote! {
        type Needs = #p::#needs;
        type Outcome = #outcome;
        #retry
        #services
        #validate
        #decide
    };
    let head = respan(&quote!(impl #p::Handle<#command> for #aggregate), place);
    let body = braced_at(body, place);
    quote!(#[automatically_derived] #head #assumed #body)
}

/// Where a fault was found, the rest is taken to be right, and none of it is used.
fn assumed(p: &TokenStream, aggregate: &Type, handler: &Handler<'_>) -> TokenStream {
    let (command, outcome) = (handler.command, outcome(handler));
    quote! {
        where
            for<'__es_any> #command: #p::Command<Aggregate = #aggregate>,
            for<'__es_any> #outcome: #p::Outcome<#aggregate>
    }
}

/// The returned type. It is blamed for what is in it, so where one event is all there is, it stands there.
fn outcome(handler: &Handler<'_>) -> TokenStream {
    let Some(outcome) = handler.outcome else { return quote!(()) };
    only_event(outcome).map_or_else(|| quote!(#outcome), |place| respan(outcome, place))
}

/// Where the one event in `Result<Option<Event>, E>` and the like stands.
fn only_event(ty: &Type) -> Option<Span> {
    match ty {
        Type::Array(array) => return only_event(&array.elem),
        Type::Group(group) => return only_event(&group.elem),
        Type::Paren(paren) => return only_event(&paren.elem),
        _ => {}
    }
    let segment = sig::last_segment(ty)?;
    let holder = ["Result", "Option", "Vec", "Reply"].into_iter().find(|name| segment.ident == name);
    match holder {
        Some(holder) => only_event(sig::arguments(ty, holder)?.first()?),
        None => Some(segment.span()),
    }
}

/// `type Calls = WithServices; const SERVICES: &'static [ServiceNeed] = &[ServiceNeed::of::<dyn Atm>("dyn Atm")];`
fn services(p: &TokenStream, handler: &Handler<'_>) -> TokenStream {
    let needs = handler.params.iter().filter_map(|param| match param {
        Param::Service(ty) => {
            let name = source_text(ty);
            Some(quote!(#p::ServiceNeed::of::<#ty>(#name)))
        }
        _ => None,
    });
    let needs: Vec<_> = needs.collect();
    if needs.is_empty() {
        return quote!(type Calls = #p::NoServices;);
    }
    quote! {
        type Calls = #p::WithServices;
        const SERVICES: &'static [#p::ServiceNeed] = &[#(#needs),*];
    }
}

/// `fn validate(command: &Withdraw) -> Result<(), E> { E::refused(Self::positive(command))?; Ok(()) }`
fn validate(p: &TokenStream, handler: &Handler<'_>) -> TokenStream {
    let command = handler.command;
    let arguments = handler.outcome.and_then(|outcome| sig::arguments(outcome, "Result"));
    let error = if let Some([_, error]) = arguments.as_deref() {
        quote!(#error)
    } else {
        quote!(<Self::Outcome as #p::Outcome<Self>>::Error)
    };
    let checks = handler.validations.iter().map(|validation| {
        let (cfgs, name) = (validation.method.cfgs(), validation.method.name());
        let (answered, error) = (validation.error, respan(&error, validation.error.span()));
        quote!(#(#cfgs)* <#error as #p::FromValidation<#answered>>::refused(Self::#name(__es_command))?;)
    });
    quote! {
        fn validate(__es_command: &#command) -> ::core::result::Result<(), #error> {
            #(#checks)*
            ::core::result::Result::Ok(())
        }
    }
}

/// `fn handle(state, command, context, services) -> impl Future { ready(Self::withdraw(state, command)) }`
fn decide(p: &TokenStream, handler: &Handler<'_>) -> TokenStream {
    let (command, name) = (handler.command, handler.method.name());
    let life = quote!('__es_a);
    let state = match handler.needs {
        Needs::Absent => quote!(()),
        Needs::Living => quote!(&#life Self),
        Needs::Either => quote!(::core::option::Option<&#life Self>),
    };
    let receiver = matches!(handler.needs, Needs::Living).then(|| quote!(__es_state));
    let arguments = receiver.into_iter().chain(handler.params.iter().map(|param| match param {
        Param::State => quote!(__es_state),
        Param::Command => quote!(__es_command),
        Param::Context => quote!(__es_context),
        Param::Service(ty) => quote!(#p::Services::get::<#ty>(__es_services)),
    }));
    let call = quote!(Self::#name(#(#arguments),*));
    let (place, future) = match &handler.method.sig.asyncness {
        _ if handler.faulty => (name.span(), quote!(::core::future::pending::<Self::Outcome>())),
        Some(token) => (token.span(), quote_spanned!(token.span()=> async move { #call.await })),
        None => (name.span(), quote!(::core::future::ready(#call))),
    };
    let bound = quote!(impl ::core::future::Future<Output = Self::Outcome> + ::core::marker::Send + #life);
    let bound = respan(&bound, place);
    let body = quote_spanned!(place=> { #future });
    quote! {
        #[allow(unused_variables, clippy::unused_unit, clippy::manual_async_fn)]
        fn handle<#life>(
            __es_state: #state,
            __es_command: #command,
            __es_context: &#life #p::Context<Self>,
            __es_services: &#life #p::Services,
        ) -> #bound #body
    }
}

/// `inventory::submit! { HandlerBlock { handlers: &[Registered::<Account, Withdraw>::RECORD.at(..)] } }`: one
/// for the block, since each costs a user's build as much as an implementation.
fn registration(p: &TokenStream, model: &Model<'_>) -> TokenStream {
    let aggregate = model.aggregate;
    let records = model.handlers.iter().filter(|handler| !handler.faulty).map(|handler| {
        let (cfgs, command) = (handler.method.cfgs(), handler.command);
        let path = format!("::{}", source_text(command));
        quote! {
            #(#cfgs)*
            #p::Registered::<#aggregate, #command>::RECORD.at(::core::concat!(::core::module_path!(), #path))
        }
    });
    quote! {
        #[allow(unused_imports)]
        use #p::NoHandler as _;
        #p::inventory::submit! { #p::HandlerBlock { handlers: &[#(#records),*] } }
    }
}

impl Needs {
    fn marker(self) -> Ident {
        let name = match self {
            Self::Absent => "Absent",
            Self::Living => "Living",
            Self::Either => "Either",
        };
        Ident::new(name, Span::call_site())
    }
}
