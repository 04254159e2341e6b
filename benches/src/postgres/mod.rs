//! The Postgres side of the benches: a throw-away server, a seeded course in it, and hand-written floors.

mod floor;
mod seed;
mod server;

pub use floor::{Hand, Way};
pub use seed::PgWorld;
pub use server::Server;
