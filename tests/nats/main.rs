//! The JetStream store beside a server.

mod keep;
mod leases;
