//! A network in one process: routers, hosts, LANs and links that delay and
//! lose, in virtual time and from one seed. The same seed gives the same run.
