//! What smcrouted is told.

use super::config;
use crate::topology::model::StaticMroute;

#[test]
fn every_interface_once_and_every_route() {
    let route = |source: Option<[u8; 4]>, to: &[&str]| StaticMroute {
        from: "src".to_owned(),
        group: [239, 1, 1, 1].into(),
        source: source.map(Into::into),
        to: to.iter().map(|&name| name.to_owned()).collect(),
    };
    let text = config(&[route(None, &["a", "b"]), route(Some([10, 0, 0, 1]), &["a"])]);
    let want = "phyint src enable\nphyint a enable\nphyint b enable\n\
                mgroup from src group 239.1.1.1\n\
                mroute from src group 239.1.1.1 to a b\n\
                mgroup from src group 239.1.1.1 source 10.0.0.1\n\
                mroute from src group 239.1.1.1 source 10.0.0.1 to a\n";
    assert_eq!(text, want);
}
