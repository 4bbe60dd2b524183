//! Rows of projections in PostgreSQL: in the transaction of their checkpoint, and in that of a commit.

mod app;
mod inline;
mod kit;
mod spoilt;
mod work;
