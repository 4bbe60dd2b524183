//! What a store in PostgreSQL does beyond what every store does.

mod processors;
mod reading;
mod sessions;
mod waking;
