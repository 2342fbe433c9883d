//! What happens to a random network.

use mcr_proto::rng::Rng;
use mcr_sim::LinkOptions;

use super::world::{World, chance, one_of};
use crate::sim_world::{millis, secs};

/// Many things, one after another.
pub(crate) fn happen(world: &mut World, rng: &mut Rng) {
    for _ in 0..3 + rng.below(12) {
        happens(world, rng);
        let most = one_of(
            rng,
            &[millis(0), millis(20), millis(500), secs(5), secs(60)],
        );
        let pause = rng.up_to(most);
        world.net.run_for(pause);
    }
}

fn happens(world: &mut World, rng: &mut Rng) {
    match rng.below(17) {
        0..=3 => {
            let receiver = rng.below(u64::try_from(world.receivers.len()).unwrap());
            world.change_filter(rng, usize::try_from(receiver).unwrap());
        }
        4 => {
            let sender = rng.below(u64::try_from(world.senders.len()).unwrap());
            let sender = usize::try_from(sender).unwrap();
            match world.senders[sender].flow {
                Some(_) => world.stop(sender),
                None => world.start(sender),
            }
        }
        5 | 6 => link_changes(world, rng),
        7 | 8 => router_dies_or_lives(world, rng),
        9 => link_suffers(world, rng),
        10 => links_suffer(world, rng),
        11 => link_flaps(world, rng),
        12 => priority_changes(world, rng),
        13 => world.change_rp(rng),
        14 => world.change_switch(rng),
        15 => cost_changes(world, rng),
        _ => router_is_suspended(world, rng),
    }
}

fn link_changes(world: &mut World, rng: &mut Rng) {
    let link = one_of(rng, &world.net.links());
    let up = !world.net.is_up(link);
    let name = world.net.link_state(link).name.clone();
    world.note(&format!("{name} up {up}"));
    world.net.set_link(link, up);
}

fn router_dies_or_lives(world: &mut World, rng: &mut Rng) {
    let router = one_of(rng, &world.net.routers());
    let name = world.net.name(router).to_owned();
    if world.net.running(router).is_none() {
        world.note(&format!("{name} restarts"));
        world.net.restart(router);
        return;
    }
    let at_once = chance(rng, 40);
    if chance(rng, 50) {
        world.note(&format!("{name} dies, restarts at once {at_once}"));
        world.net.kill(router);
    } else {
        world.note(&format!("{name} stops, restarts at once {at_once}"));
        world.net.stop(router);
    }
    if at_once {
        world.net.restart(router);
    }
}

/// Losses, silence, another cost.
fn link_suffers(world: &mut World, rng: &mut Rng) {
    let link = one_of(rng, &world.net.links());
    let state = world.net.link_state(link);
    let name = state.name.clone();
    let options = state.options;
    let nodes: Vec<_> = state.ports.iter().map(|port| port.node).collect();
    match rng.below(4) {
        0 => {
            let loss = one_of(rng, &[20, 100, 400]);
            world.note(&format!("{name} loses {loss} of 1000"));
            world.net.set_options(link, LinkOptions { loss, ..options });
        }
        1 => {
            let silent = !world.net.link_state(link).silent;
            world.note(&format!("{name} silent {silent}"));
            world.net.silence(link, silent);
        }
        2 => {
            let node = one_of(rng, &nodes);
            let mute = !world.net.link_state(link).mute.contains(&node);
            let of = world.net.name(node).to_owned();
            world.note(&format!("{name} mute {mute} of {of}"));
            world.net.mute(link, node, mute);
        }
        _ => {
            let metric = one_of(rng, &[10, 20, 30, 60]);
            world.note(&format!("{name} costs {metric}"));
            world
                .net
                .set_options(link, LinkOptions { metric, ..options });
        }
    }
}

/// Several at once.
fn links_suffer(world: &mut World, rng: &mut Rng) {
    for _ in 0..2 + rng.below(3) {
        match chance(rng, 75) {
            true => link_suffers(world, rng),
            false => link_changes(world, rng),
        }
    }
}

/// A link costs one of its routers more or less than the others.
fn cost_changes(world: &mut World, rng: &mut Rng) {
    let link = one_of(rng, &world.net.links());
    let on: Vec<_> = world.net.routers_on(link).into_iter().collect();
    if on.is_empty() {
        return;
    }
    let router = one_of(rng, &on);
    let cost = one_of(rng, &[None, Some(5), Some(15), Some(40)]);
    let name = world.net.link_state(link).name.clone();
    let of = world.net.name(router).to_owned();
    world.note(&format!("{name} costs {of} {cost:?}"));
    world.net.set_cost(link, router, cost);
}

fn link_flaps(world: &mut World, rng: &mut Rng) {
    let link = one_of(rng, &world.net.links());
    let name = world.net.link_state(link).name.clone();
    world.note(&format!("{name} flaps"));
    for _ in 0..1 + rng.below(4) {
        for up in [false, true] {
            world.net.set_link(link, up);
            let pause = rng.up_to(millis(700));
            world.net.run_for(pause);
        }
    }
}

fn priority_changes(world: &mut World, rng: &mut Rng) {
    let link = one_of(rng, &world.net.links());
    let on: Vec<_> = world.net.routers_on(link).into_iter().collect();
    if on.is_empty() {
        return;
    }
    let (router, priority) = (one_of(rng, &on), one_of(rng, &[0, 1, 5, 9]));
    let name = world.net.link_state(link).name.clone();
    let of = world.net.name(router).to_owned();
    world.note(&format!("{of} has priority {priority} on {name}"));
    world.net.configure_on(router, link, |iface| {
        if let Some(pim) = &mut iface.pim {
            pim.dr_priority = priority;
        }
    });
}

/// The clock jumps, for the router.
fn router_is_suspended(world: &mut World, rng: &mut Rng) {
    let router = one_of(rng, &world.net.routers());
    let most = one_of(rng, &[millis(500), secs(10), secs(150), secs(600)]);
    let time = rng.up_to(most);
    let name = world.net.name(router).to_owned();
    world.note(&format!("{name} is suspended for {time:?}"));
    world.net.suspend(router);
    world.net.run_for(time);
    world.net.resume(router);
}
