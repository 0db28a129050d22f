//! What the system says about a process.

use std::{fs, net::IpAddr, process::Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// Lets this process, and those it starts, have as many files as the system allows.
pub(crate) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    if limit.current != limit.maximum {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
    }
}

/// How many files this process may have.
pub(crate) fn file_limit() -> u64 {
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// Memory of a process that is its own and resident, in bytes: neither files nor what the kernel keeps for its sockets.
pub(crate) fn resident(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:"));
    let kibibytes = line.and_then(|line| line.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    kibibytes.unwrap_or(0) * 1024
}

/// How many files a process has open.
pub(crate) fn files(process: u32) -> usize {
    fs::read_dir(format!("/proc/{process}/fd")).map_or(0, Iterator::count)
}

/// Whether `chrt` may start a program with this policy.
pub(crate) fn can_be_scheduled(policy: &[&str]) -> bool {
    let mut chrt = std::process::Command::new("chrt");
    let chrt = chrt.args(policy).arg("true").stdout(Stdio::null()).stderr(Stdio::null());
    chrt.status().is_ok_and(|status| status.success())
}

/// The loopback address of a client: a thousand clients each, so that no address runs out of ports.
pub(crate) fn address_of(client: usize) -> IpAddr {
    let network = client / 1000;
    [127, 1, (network / 250) as u8, (network % 250) as u8 + 1].into()
}
