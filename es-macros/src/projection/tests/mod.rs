//! What the attribute makes of what is written.

mod declared;
mod documents;
mod faults;
mod rows;
