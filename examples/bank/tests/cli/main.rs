//! The program as its users see it: the real binary, on files of its own.

mod crash;
mod kit;
mod look;
mod order;
mod run;
