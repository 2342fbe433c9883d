//! The generator and the measuring receiver. The reports they print are types
//! here, so that whoever runs them can read them.

pub mod report;
