//! What is particular to a store. What every store promises is in `es_testing::suite`, and the `contract` tests
//! run it.

mod inline_rows;
mod kit;
mod memory;
mod rows;
mod sqlite;
mod sqlite_processors;
mod tally;
