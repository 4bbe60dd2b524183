//! Many commits in one call: its arguments, and its answers.
