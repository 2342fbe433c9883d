//! What FRR is told, line by line.

use super::*;
use crate::topology::router::{PimTimers, StaticRp};

fn time(millis: u64) -> Option<Duration> {
    Some(Duration::from_millis(millis))
}

#[test]
fn times_are_made_to_fit_and_what_is_missing_is_said() {
    let router = Router {
        rps: vec![StaticRp {
            address: "10.255.0.2".parse().unwrap(),
            groups: vec!["239.0.0.0/8".parse().unwrap()],
        }],
        never_switch: true,
        ssm_range: Some(vec!["232.1.0.0/16".parse().unwrap()]),
        timers: PimTimers {
            join_prune: time(2_000),
            register_suppression: time(60_000),
            assert: time(10_000),
            ..PimTimers::default()
        },
        pim: vec![PimInterface {
            name: "lan".to_owned(),
            dr_priority: Some(7),
            hello: time(1_000),
            hello_holdtime: time(3_500),
            ..PimInterface::default()
        }],
        igmp: vec![IgmpInterface {
            name: "lan".to_owned(),
            version: Some(2),
            query_interval: time(5_000),
            query_response_interval: time(1_000),
            static_groups: vec![(
                "232.1.1.1".parse().unwrap(),
                Some("10.1.1.1".parse().unwrap()),
            )],
            immediate_leave: Some(true),
            ..IgmpInterface::default()
        }],
    };
    assert_eq!(
        pimd("r1", &router),
        "hostname r1
ip pim rp 10.255.0.2 239.0.0.0/8
ip pim spt-switchover infinity-and-beyond
ip prefix-list ssm seq 5 permit 232.1.0.0/16 le 32
ip pim ssm prefix-list ssm
! not 2s: FRR takes whole seconds from 5
ip pim join-prune-interval 5
ip pim register-suppress-time 60
! FRR 8.4 has no Assert_Time (10s)
!
interface lan
 ip pim
 ip pim drpriority 7
 ip pim hello 1 4
 ip igmp
 ip igmp version 2
 ip igmp query-max-response-time 10
 ip igmp query-interval 5
 ip igmp join 232.1.1.1 10.1.1.1
! FRR 8.4 has no immediate leave (true)
!
interface lo
 ip pim
"
    );
}

#[test]
fn defaults_are_left_to_frr() {
    let router = Router {
        pim: vec![PimInterface {
            name: "r2".to_owned(),
            ..PimInterface::default()
        }],
        ..Router::default()
    };
    let text = pimd("r1", &router);
    assert_eq!(
        text,
        "hostname r1\n!\ninterface r2\n ip pim\n!\ninterface lo\n ip pim\n"
    );
}
