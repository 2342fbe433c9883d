//! From the file to the model: `file` mirrors the YAML, `resolve` gives names
//! and addresses, `model` is what the rest of the lab works with.

pub mod model;
