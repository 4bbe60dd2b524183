//! Streams, documents and processors as subjects.
