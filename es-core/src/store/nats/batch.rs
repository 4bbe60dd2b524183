//! Many messages, stored together or not at all.
