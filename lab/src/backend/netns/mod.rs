//! Network namespaces: one for each node, and one for each segment's bridge.
