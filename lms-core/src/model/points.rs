//! Temporary.
#![allow(missing_docs)]
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
pub struct Points(i64);
impl Points {
    pub const ZERO: Self = Self(0);
    pub const fn from_units(u: i64) -> Self { Self(u) }
    pub const fn units(self) -> i64 { self.0 }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct BasisPoints(u16);
impl BasisPoints {
    pub const fn new(v: u16) -> Option<Self> { if v > 10000 { None } else { Some(Self(v)) } }
    pub const fn get(self) -> u16 { self.0 }
}
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
pub struct Percent(i64);
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Score { pub earned: Points, pub possible: Points }
