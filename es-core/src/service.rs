//! What handlers take beside their command: services, found by type.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;

/// A boxed future that can be sent to another thread: what an async method of a service trait returns.
///
/// ```
/// use es_core::prelude::*;
///
/// pub trait Atm: Send + Sync {
///     fn pay_out(&self, amount: u64) -> BoxFuture<'_, bool>;
/// }
///
/// struct Generous;
/// impl Atm for Generous {
///     fn pay_out(&self, _: u64) -> BoxFuture<'_, bool> {
///         Box::pin(async { true })
///     }
/// }
/// ```
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// The services that an app was given, by type.
#[derive(Default)]
pub struct Services {
    by_type: HashMap<TypeId, Box<dyn Any + Send + Sync>>,
}

/// A service that a handler takes: how to tell whether it is there, and what to call it if it is not.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ServiceNeed {
    pub(crate) name: &'static str,
    pub(crate) type_id: TypeId,
    pub(crate) provided: fn(&Services) -> bool,
}

/// What can be a service: anything that threads may share.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a service",
    label = "threads cannot share it",
    note = "a service is `Send + Sync + 'static`: write `trait ..: Send + Sync`"
)]
pub trait Service: Send + Sync + 'static {}

#[diagnostic::do_not_recommend]
impl<T: ?Sized + Send + Sync + 'static> Service for T {}

impl ServiceNeed {
    /// The need for a `T`, which the source calls `name`.
    pub const fn of<T: ?Sized + Service>(name: &'static str) -> Self {
        Self { name, type_id: TypeId::of::<T>(), provided: Services::has::<T> }
    }
}

impl Services {
    pub(crate) fn insert<T: ?Sized + Send + Sync + 'static>(&mut self, service: Arc<T>) {
        self.by_type.insert(TypeId::of::<T>(), Box::new(service));
    }

    fn find<T: ?Sized + 'static>(&self) -> Option<&T> {
        self.by_type.get(&TypeId::of::<T>())?.downcast_ref::<Arc<T>>().map(|service| &**service)
    }

    fn has<T: ?Sized + 'static>(&self) -> bool {
        self.find::<T>().is_some()
    }

    /// A service. `build` has refused apps whose mounted handlers lack one.
    #[doc(hidden)]
    pub fn get<T: ?Sized + 'static>(&self) -> &T {
        match self.find() {
            Some(service) => service,
            None => panic!(
                "no service of type `{}`: this handler's aggregate is not mounted",
                std::any::type_name::<T>()
            ),
        }
    }
}

impl fmt::Debug for Services {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Services({})", self.by_type.len())
    }
}
