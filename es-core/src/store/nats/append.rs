//! A commit, decided and sent.

use super::server::Server;
use super::wake::Wake;
use crate::store::{AppendError, Appended, Commit};

pub(super) async fn append(_server: &Server, _wake: &Wake, _commit: Commit) -> Result<Appended, AppendError> {
    todo!()
}
