//! The application.
use crate::command::{Command, Handle};
use crate::error::DispatchError;
use crate::store::StoreFuture;
use serde_json::Value;

/// The application.
#[derive(Clone, Debug)]
pub struct App {}

/// Options of a command.
#[derive(Clone, Debug, Default)]
pub struct Options {}

pub(crate) fn execute_value<C>(_app: App, _json: Value, _options: Options) -> StoreFuture<'static, Result<Value, DispatchError>>
where
    C: Command,
    C::Aggregate: Handle<C>,
{
    Box::pin(async { Ok(Value::Null) })
}
