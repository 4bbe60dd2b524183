//! Nothing of its own: the tests beside this file use the crates as a user would.
