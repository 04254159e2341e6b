//! The contract of a store, on a real Postgres.
#![allow(clippy::unwrap_used, reason = "these are tests")]

use lms_store_postgres::testing::Cluster;

lms_core::conformance!(postgres, Cluster::shared().store().await.unwrap());
