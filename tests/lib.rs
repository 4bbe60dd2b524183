//! Nothing of its own: the tests beside this file use the crates as a user would, and so does the README.

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
