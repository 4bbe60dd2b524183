//! How far students have come in a course, and what a school wants to know about it.
//!
//! A table with one row for each student says where everybody is, and forgets how they got there: whoever goes
//! back to repeat a lesson seems never to have done the later ones. Here every step is an event, so the
//! questions can come later.
//!
//! 1. [`progress`] is the model: a student's place on the map, and the commands that move it.
//! 2. [`reports`] are three questions that were asked afterwards, each a projection over the same events.
//! 3. [`school`] puts both onto a file, and prints the answers.

#[allow(missing_docs, reason = "the fields of events and commands say what they are")]
pub mod progress;
#[allow(missing_docs, reason = "so do those of the reports")]
pub mod reports;
pub mod school;
