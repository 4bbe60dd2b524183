//! An event as a message.
