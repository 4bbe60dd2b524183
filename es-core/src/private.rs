//! What generated code may name, and nothing else may. No promise of stability covers this module.

pub use crate::aggregate::{Aggregate, Applier, Disorder, FromBirth, FromDefault, Life, Snapshots};
pub use crate::app::Options;
pub use crate::check::{
    Anyone, Born, CanBegin, Effects, FromValidation, KeepsDocuments, KeepsRows, Keyed, MayRaise, SharedBy,
    Stateless, assert_born, assert_can_begin, assert_effects, assert_keeps_documents, assert_keeps_rows,
    assert_upcast, last_state, no_state, state,
};
pub use crate::command::{Absent, Command, Either, Handle, Living, NoServices, WithServices};
pub use crate::context::{Context, Delivery, Surrounded};
pub use crate::event::{
    Current, Envelope, Event, EventEnum, EventInfo, Field, IdError, RawEvent, Retired, RetiredEvent,
};
pub use crate::id::{AggregateId, StreamId};
pub use crate::id_text::{IdParts, IdText, ParseIdError};
pub use crate::incoming::{
    Message, Param, Parsed, Source, Takes, ViaService, ViaStream, message, read_event, read_raw, read_refusal,
};
pub use crate::issued::{Issued, Reaction};
pub use crate::joining::{Follows, Inline, Joined, Joins, Mode, assert_hears};
pub use crate::key::{IntoKeys, Key, no_keys, stream_key};
pub use crate::model::registry::{
    AggregateRecord, Applied, ApplierRecord, EventRecord, Followed, HandlerBlock, NoAggregate, NoHandler,
    NoProjection, NoReactor, ProjectionRecord, Reacting, ReactorRecord, Registered, Role,
};
pub use crate::outcome::{
    Checked, IntoEvents, NoInvariant, Outcome, Plain, Refusal, Settle, Violation, every_name,
};
pub use crate::projection::{
    Change, Document, DocumentKind, DocumentMethod, IdParam, Kept, MountKind, MountOn, OfStream, Projected,
    Projection, RowApply, RowChange, RowKind, RowMethod, Rows, key_of_stream,
};
pub use crate::reactor::{
    Call, Executed, From, OnFailure, React, Reactor, ReactorMethod, ReactorSpec, Refused, StateCodec,
    execute_refusable,
};
pub use crate::retry::RetryPolicy;
pub use crate::service::{BoxFuture, ServiceNeed, Services};
pub use crate::store::BoxError;
pub use crate::upcast::{Older, Oldest, Payload, PayloadError};
pub use crate::{event_enum, recordable};
pub use inventory;
pub use serde;
pub use serde_json;
pub use uuid;
