//! Model to code. Nothing here can fail.

use super::{Applier, Model, Role, retired};
use crate::sig::{Block, braced_at, respan};
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::spanned::Spanned;

/// The enum, and everything that needs no name. `sound` says that no fault was found: checks that compare
/// the appliers with the aggregate wait for that.
pub fn all(model: &Model<'_>, block: &Block, sound: bool) -> TokenStream {
    let cfgs = block.cfgs();
    let (event_enum, events) = (event_enum(model), events(model));
    let (recordables, applier) = (recordables(model), applier(model));
    let (begins, registration) = (sound.then(|| begins(model)), registration(model));
    quote! {
        #(#cfgs)*
        #event_enum
        #(#cfgs)*
        const _: () = {
            #events
            #recordables
            #applier
            #begins
            #registration
        };
    }
}

/// `pub enum AccountEvent { Opened(Opened), .., Retired(RetiredEvent) }`
fn event_enum(model: &Model<'_>) -> TokenStream {
    let (p, name) = (model.root.private(), &model.enum_name);
    let retired = retired(name.span());
    // A second block is an enum of the same name: rustc shows both where their names come from.
    let head = quote_spanned!(name.span()=> pub enum);
    let doc =
        format!("The events of `{}`: what has an applier, and what is retired.", model.aggregate_text());
    let variants = model.appliers.iter().map(|applier| {
        let Applier { event, variant, method, .. } = applier;
        let (cfgs, doc) = (method.cfgs(), format!("The event `{variant}`."));
        quote!(#(#cfgs)* #[doc = #doc] #variant(#event))
    });
    let variants = quote! {
        #(#variants,)*
        /// An event that is only read any more: its type is `#[event(retired)]` and has no applier.
        #retired(#p::RetiredEvent),
    };
    let variants = braced_at(variants, name.span());
    quote! {
        #[doc = #doc]
        #[allow(private_interfaces, unreachable_pub, clippy::enum_variant_names, clippy::large_enum_variant)]
        #head #name #variants
    }
}

/// `event_enum! { AccountEvent { Opened(Opened) Birth, .. } where { Opened, .. } }`
fn events(model: &Model<'_>) -> TokenStream {
    let (p, name) = (model.root.private(), &model.enum_name);
    let entries = model.appliers.iter().map(|applier| {
        let Applier { event, variant, method, .. } = applier;
        let (cfgs, role) = (method.cfgs(), format_ident!("{}", applier.role.name()));
        quote!(#(#cfgs)* #variant(#event) #role)
    });
    // A bound cannot be `#[cfg]`d away.
    let always = model.appliers.iter().filter(|applier| applier.method.cfgs().is_empty());
    let bounds = always.map(|applier| applier.event);
    let head = respan(&quote!(#p::event_enum!), name.span());
    let body = braced_at(quote!(#name { #(#entries,)* } where { #(#bounds,)* }), name.span());
    quote!(#head #body)
}

/// `recordable!(Account, AccountError, AccountEvent, Opened, Opened);`
fn recordables(model: &Model<'_>) -> TokenStream {
    let (p, name, aggregate) = (model.root.private(), &model.enum_name, model.aggregate);
    let error = model.invariants.first().map(|invariant| invariant.error.to_token_stream());
    let error = error.unwrap_or_else(|| quote!(::core::convert::Infallible));
    let each = model.appliers.iter().map(|applier| {
        let Applier { event, variant, method, .. } = applier;
        let cfgs = method.cfgs();
        quote!(#(#cfgs)* #p::recordable!(#aggregate, #error, #name, #variant, #event);)
    });
    let whole = respan(&quote!(#p::recordable! { #aggregate, #error, #name }), name.span());
    quote!(#whole #(#each)*)
}

/// `impl Applier for Account { .. }`
fn applier(model: &Model<'_>) -> TokenStream {
    let (p, name, aggregate) = (model.root.private(), &model.enum_name, model.aggregate);
    let (arms, retired) = (model.appliers.iter().map(|applier| arm(model, applier)), retired(name.span()));
    let violation = violation(model);
    let first = model.invariants.first().map(|invariant| invariant.error);
    let checks = model.invariants.iter().map(|invariant| {
        let (cfgs, name, error) = (invariant.method.cfgs(), invariant.method.name(), invariant.error);
        // Types of one name may be two: that is said at the error of this invariant.
        quote!(#(#cfgs)* <#error as #p::SharedBy<#first>>::checked(Self::#name(self))?;)
    });
    let named = respan(name, model.place());
    let reads_envelope = model.appliers.iter().any(|applier| applier.reads_envelope);
    let ok = quote!(::core::result::Result::Ok(()));
    let head = respan(&quote!(impl #p::Applier for #aggregate), aggregate.span());
    quote! {
        #[automatically_derived]
        #head
        where
            for<'__es_any> #aggregate: #p::Aggregate,
        {
            type Event = #named;
            type Violation = #violation;
            const READS_ENVELOPE: bool = #reads_envelope;
            fn apply(
                __es_life: &mut #p::Life<Self>,
                __es_event: &Self::Event,
                __es_envelope: &#p::Envelope,
            ) -> ::core::result::Result<(), #p::Disorder> {
                match __es_event {
                    #(#arms,)*
                    #name::#retired(_) => #ok,
                }
            }
            fn check(&self) -> ::core::result::Result<(), #violation> {
                #(#checks)*
                #ok
            }
        }
    }
}

/// `Checked<AccountError>`, or `NoInvariant`
fn violation(model: &Model<'_>) -> TokenStream {
    let p = model.root.private();
    let error = model.invariants.first().map(|invariant| invariant.error);
    error.map_or_else(|| quote!(#p::NoInvariant), |error| respan(&quote!(#p::Checked<#error>), error.span()))
}

/// `AccountEvent::Opened(event) => Life::birth(life, || Self::opened(event, envelope))`
fn arm(model: &Model<'_>, applier: &Applier<'_>) -> TokenStream {
    let (p, name, variant, method) =
        (model.root.private(), &model.enum_name, &applier.variant, applier.name());
    let cfgs = applier.method.cfgs();
    if applier.faulty {
        return quote!(#(#cfgs)* #name::#variant(_) => ::core::result::Result::Ok(()));
    }
    let envelope = applier.reads_envelope.then(|| quote!(, __es_envelope));
    let step = match applier.role {
        Role::Birth => quote!(birth(__es_life, || Self::#method(__es_event #envelope))),
        Role::Life => quote!(change(__es_life, |__es_state| Self::#method(__es_state, __es_event #envelope))),
        Role::End => quote!(end(__es_life, |__es_state| Self::#method(__es_state, __es_event #envelope))),
    };
    quote!(#(#cfgs)* #name::#variant(__es_event) => #p::Life::#step)
}

/// A birth does not go with `default`, and without a birth there must be one.
fn begins(model: &Model<'_>) -> TokenStream {
    let (p, aggregate, place) = (model.root.private(), model.aggregate, model.aggregate.span());
    if let Some(birth) = model.first_birth() {
        let check = respan(&quote!(#p::assert_born), place);
        let named = respan(aggregate, birth.name().span());
        quote!(const _: () = #check::<#aggregate, #named>();)
    } else {
        let check = respan(&quote!(#p::assert_can_begin::<#aggregate>()), place);
        quote!(const _: () = #check;)
    }
}

/// `inventory::submit! { Applied::<Account>::RECORD.at("bank::Account") }`
fn registration(model: &Model<'_>) -> TokenStream {
    let (p, aggregate) = (model.root.private(), model.aggregate);
    let path = format!("::{}", model.aggregate_text());
    quote! {
        #[allow(unused_imports)]
        use #p::NoAggregate as _;
        #p::inventory::submit! {
            #p::Applied::<#aggregate>::RECORD.at(::core::concat!(::core::module_path!(), #path))
        }
    }
}

impl Model<'_> {
    /// Where the enum is blamed for its events: at the event, if there is one.
    fn place(&self) -> Span {
        match &*self.appliers {
            [only] => only.variant.span(),
            _ => self.aggregate.span(),
        }
    }

    fn aggregate_text(&self) -> String {
        crate::names::source_text(self.aggregate)
    }
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Birth => "Birth",
            Self::Life => "Life",
            Self::End => "End",
        }
    }
}
