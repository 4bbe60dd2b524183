//! What a store in PostgreSQL does beyond what every store does: how it is made and opened, who may do what, how
//! commits share a call, and what becomes of one whose answer is lost.

mod edits;
mod groups;
mod isolation;
mod kit;
mod lost;
mod open;
mod proxy;
mod rights;
mod secrets;
mod tls;
