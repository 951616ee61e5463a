//! The facade.

pub mod demo;
