//! What is right compiles: with this.
#![allow(clippy::all, clippy::pedantic, missing_docs, reason = "the cases have each shape that there may be")]

mod every_shape_of_a_handler;
mod every_shape_of_a_projection;
mod every_shape_of_a_reactor;
mod handlers_in_two_modules;
