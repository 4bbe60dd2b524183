//! The testing kit of es.
