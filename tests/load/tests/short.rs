//! Short forms of the load programs: what must not be lost or left behind, without judging times and memory.
#![allow(clippy::unwrap_used)]

use std::process::Command;

#[track_caller]
fn holds(arguments: &[&str]) {
    let output = Command::new(env!("CARGO_BIN_EXE_psd-load")).args(arguments).arg("--counts-only").output().unwrap();
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{arguments:?}\n{out}{err}");
}

#[test]
fn readers_that_keep_up_miss_nothing_beside_slow_ones() {
    // Little may wait for a client, so that a slow reader is one soon.
    holds(&[
        "slow-readers",
        "--connections",
        "40",
        "--seconds",
        "4",
        "--rate",
        "50",
        "--bytes",
        "8192",
        "--outbox",
        "65536",
    ]);
}

#[test]
fn idle_connections_are_in_their_group_and_leave_nothing_behind() {
    holds(&["idle", "--connections", "200", "--seconds", "0"]);
}

#[test]
fn a_flood_fails_nobody_elses_request() {
    holds(&["flood", "--workers", "5", "--attackers", "6", "--seconds", "2"]);
}

#[test]
fn a_server_is_replaced_and_nothing_that_was_acked_is_lost() {
    holds(&["deploy", "--clients", "30", "--classic", "10", "--window", "2"]);
}

#[test]
fn mixed_work_leaves_nothing_behind() {
    holds(&["soak", "--seconds", "4", "--round", "1", "--clients", "20"]);
}

#[test]
fn a_file_comes_back_as_long_as_it_went() {
    holds(&["files", "--mebibytes", "32", "--uploads", "3", "--messages", "20"]);
}

#[test]
fn files_outlive_servers_and_clients_that_are_killed() {
    for by in ["tus", "stream", "classic"] {
        let kills = ["--kills", "2", "--kill-clients", "3"];
        holds(&[&["files", "--by", by, "--mebibytes", "8", "--uploads", "2", "--messages", "20"], &kills[..]].concat());
    }
}
