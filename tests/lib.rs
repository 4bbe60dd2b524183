//! Where the tests beside this file find servers, and places for their logs. They use the crates as a user would, and so does the README.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

pub mod history;
pub mod place;
pub mod server;
