//! What a store in PostgreSQL does beyond what every store does: how it is made and opened, who may do what, how
//! commits share a call, what becomes of one whose answer is lost; and how it is read, waited for and followed.

mod edits;
mod groups;
mod isolation;
mod kit;
mod lost;
mod open;
mod processors;
mod proxy;
mod reading;
mod rights;
mod round_trips;
mod secrets;
mod sessions;
mod silence;
mod tls;
mod unfit;
mod waking;
