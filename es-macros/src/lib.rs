//! The attributes of es.
