//! What a person may ask of their data: all of it, or to be forgotten (D5, D7).

mod erase;
mod export;

pub use export::*;
