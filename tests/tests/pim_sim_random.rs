//! Random networks in virtual time. In each, receivers and sources come and go,
//! links and routers fail and come back, clocks jump, and packets get lost; when
//! it has settled, packets travel as the reference computation says, everybody
//! is served exactly once, and after all have left nothing is left (RFC 7761,
//! RFC 9776).
//!
//! `MCR_SEEDS=N` runs N networks and not 100, `MCR_SEEDS=M..N` those from M up
//! to N. A failing seed prints the command that repeats it; `MCR_TRACE=1` then
//! shows all that happened.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sim_random;
mod sim_world;

use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};

/// How many networks there are where nobody says otherwise.
const NETWORKS: u64 = 100;
/// The tests that share them, so that they run side by side.
const SHARES: u64 = 5;

fn networks() -> Range<u64> {
    let Ok(text) = std::env::var("MCR_SEEDS") else {
        return 0..NETWORKS;
    };
    let (from, to) = text.split_once("..").unwrap_or(("0", &text));
    from.parse().unwrap()..to.parse().unwrap()
}

/// Every seed of the share; all that fail are told.
fn share(number: u64) {
    let seeds = networks().filter(|seed| seed % SHARES == number);
    let failed: Vec<String> = seeds.filter_map(|seed| run(seed).err()).collect();
    if !failed.is_empty() {
        panic!("{}", failed.join("\n\n"));
    }
}

fn run(seed: u64) -> Result<(), String> {
    let run = catch_unwind(AssertUnwindSafe(|| sim_random::run(seed)));
    run.unwrap_or_else(|_| Err(format!("seed {seed} panicked")))
        .map_err(|story| {
            let test = "the_network_of_one_seed";
            let command = "cargo nextest run -p mcr-tests --test pim_sim_random";
            format!("{story}\nto repeat: MCR_SEED={seed} {command} {test}")
        })
}

#[test]
fn random_networks_of_the_first_share() {
    share(0);
}

#[test]
fn random_networks_of_the_second_share() {
    share(1);
}

#[test]
fn random_networks_of_the_third_share() {
    share(2);
}

#[test]
fn random_networks_of_the_fourth_share() {
    share(3);
}

#[test]
fn random_networks_of_the_fifth_share() {
    share(4);
}

/// That of MCR_SEED, to look at it.
#[test]
fn the_network_of_one_seed() {
    if let Err(story) = run(sim_world::seed(0)) {
        panic!("{story}");
    }
}

/// One seed is one life: nothing in it comes from anywhere else.
#[test]
fn a_seed_repeats_its_network() {
    assert_eq!(sim_random::trace(7), sim_random::trace(7));
    assert_ne!(sim_random::trace(7), sim_random::trace(8));
}
