//! Stories in every order, with crashes on the way: what the explorer finds, and what it leaves alone.
#![allow(missing_docs, reason = "a test's name says what it is about")]

mod bank;
mod offers;
mod orders;
mod transfers;
