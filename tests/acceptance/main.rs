//! What every store has to do for an application, at every kind of place: commands, states, history, restarts,
//! other processes, reactors and documents.

mod counters;
mod offers;

/// Makes a test of each story at every place.
macro_rules! at_every_place {
    ($($stories:tt)+) => { tests::at_every_place! { tests::place::itself; $($stories)+ } };
}
pub(crate) use at_every_place;
