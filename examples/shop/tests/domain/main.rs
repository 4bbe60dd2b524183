//! Each part by itself, by given, when and then.

mod cart;
mod flow;
mod letters;
mod order;
mod payment;
mod reports;
mod stock;
