//! A row of `events` as a stored event.
