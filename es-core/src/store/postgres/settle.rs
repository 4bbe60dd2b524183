//! What became of a call whose answer is lost.
