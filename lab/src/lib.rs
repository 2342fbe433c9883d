//! The lab: a network and the questions about it, from one YAML file.
//!
//! `topology` turns the file into a [`topology::model::Topology`]; `backend`
//! builds it and holds it; `node` starts the daemons; `run` walks through the
//! steps; `assertion` judges; `report` tells.

pub mod args;
pub mod assertion;
pub mod backend;
pub mod clock;
pub mod commands;
pub mod diagnostic;
pub mod exit;
pub mod explain;
pub mod files;
pub mod fuzz;
pub mod holder;
pub mod mutation;
pub mod node;
pub mod oracle;
pub mod plan;
pub mod reference;
pub mod report;
pub mod run;
pub mod rundir;
pub mod sandbox;
pub mod topology;
