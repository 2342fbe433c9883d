//! Random networks: what they look like, what happens to them, and what must be
//! true of them afterwards. One seed decides all of it.

pub(crate) mod events;
pub(crate) mod judge;
pub(crate) mod world;

use std::time::Duration;

use mcr_proto::rng::Rng;
use mcr_sim::check;

use world::World;

/// Hellos are exchanged, and designated routers elected.
const START: Duration = Duration::from_secs(20);
/// After joins and first packets of a network without faults.
const GROWN: Duration = Duration::from_secs(200);
/// After the last event: a neighbour (105 s), downstream state and
/// KeepaliveTimers (210 s), Asserts (180 s), the members' older versions and
/// then their excluded sources (twice 260 s) may have to end one after another.
const SETTLED: Duration = Duration::from_secs(900);
/// After all have left: members of version 1 (260 s), then KeepaliveTimers of
/// last hop, DR and RP (210 s each), with a probe between.
const CLEAN: Duration = Duration::from_secs(900);

/// Runs the network of a seed through its life. What is wrong with it, if
/// anything is.
pub(crate) fn run(seed: u64) -> Result<(), String> {
    let mut rng = Rng::new(seed ^ 0x006d_6372);
    let mut world = World::new(seed, &mut rng);
    world.net.run_for(START);
    world.populate(&mut rng);
    world.net.run_for(GROWN);
    judge::settled(&mut world, judge::Past::Quiet)?;
    for _ in 0..2 {
        events::happen(&mut world, &mut rng);
        world.heal(&mut rng);
        world.net.run_for(SETTLED);
        judge::settled(&mut world, judge::Past::Eventful)?;
    }
    world.all_leave();
    world.net.run_for(CLEAN);
    empty(&world)
}

/// What happens in the network of a seed in its first two minutes.
pub(crate) fn trace(seed: u64) -> String {
    let mut rng = Rng::new(seed);
    let mut world = World::new(seed, &mut rng);
    world.net.trace.keep(2000);
    world.populate(&mut rng);
    events::happen(&mut world, &mut rng);
    world.story("") + &world.net.trace.to_string()
}

/// No router has anything left of any group.
fn empty(world: &World) -> Result<(), String> {
    let net = &world.net;
    for node in net.routers() {
        let (Some(router), Some(plane)) = (net.running(node), net.plane(node)) else {
            continue;
        };
        if !check::is_empty(router, plane) {
            return Err(world.story(&format!(
                "{} has {:?}\nmembers {:?}\nentries {:?}",
                net.name(node),
                router.tib().groups,
                router.igmp().groups().collect::<Vec<_>>(),
                plane.entries()
            )));
        }
    }
    judge::sound(world)
}
