//! Hostile services: what goes over the wire, and what becomes of it.

pub(crate) mod cases;
pub(crate) mod server;
pub(crate) mod speech;
