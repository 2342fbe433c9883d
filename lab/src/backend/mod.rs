//! Building the network and holding it: network namespaces ([`netns`]).

pub mod netns;
