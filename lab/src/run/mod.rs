//! A run: deploy, settle, steps, assertions, teardown.

pub mod ledger;
