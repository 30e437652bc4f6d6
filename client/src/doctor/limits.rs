//! What the machine has, and what it allows one process or one user.

use super::finding::Check;
use super::program::{ask, first_line};

/// What a server or a client needs beyond its connections.
const OWN_DESCRIPTORS: u64 = 100;

/// What `scripts/flood.sh -n 1000` starts, and some more.
const FLOOD: u64 = 1_010;

/// What stages 2 to 5 ask for.
const BACKLOG: u64 = 1024;

/// The cores that this process may use; 0 if that is not known.
pub fn cores(count: usize) -> Check {
    match count {
        0 => Check::warn(
            "cores",
            "the system does not say how many",
            "go on; the lessons work with any number",
        ),
        1 => Check::warn(
            "cores",
            "1: every lesson works, but servers and clients share it: figures vary more, and builds take longer",
            "cargo build && cargo build --release, well before the class; close other programs",
        ),
        _ => Check::ok("cores", count.to_string()),
    }
}

/// How many descriptors a process can have: a server needs one for each connection.
pub fn descriptors(most: Option<u64>) -> Check {
    let raise = if cfg!(target_os = "macos") {
        "sudo launchctl limit maxfiles 65536 524288, and open a new terminal"
    } else {
        "echo '* hard nofile 65536' | sudo tee -a /etc/security/limits.conf, and log in again"
    };
    let Some(most) = most else {
        return Check::warn("descriptors", "the system does not say how many", "ulimit -Hn");
    };
    let room = most.saturating_sub(OWN_DESCRIPTORS);
    match room {
        0..1_000 => Check::fail(
            "descriptors",
            format!(
                "{most} for a process, and stage 2 needs one for each of a thousand connections"
            ),
            raise,
        ),
        1_000..10_000 => Check::warn(
            "descriptors",
            format!("{most} for a process: enough for the lessons, not for client hold -n 10k"),
            raise,
        ),
        _ => Check::ok("descriptors", format!("{most} for a process")),
    }
}

/// How many processes a user may have, and has: with most kinds of nc a connection of `flood.sh` is
/// a process.
pub fn processes(most: Option<u64>, running: u64) -> Check {
    match most {
        Some(most) if most < running.saturating_add(FLOOD) => Check::warn(
            "processes",
            format!("at most {most}, and {running} run: too few for scripts/flood.sh -n 1000"),
            "cargo client hold -n 1000: the same connections from one process",
        ),
        Some(most) => Check::ok("processes", format!("at most {most}, and {running} run")),
        None => Check::ok("processes", "no limit"),
    }
}

/// How many connections the kernel keeps for a server that does not accept them, at most.
pub fn backlog(longest: Option<u64>) -> Check {
    let setting =
        if cfg!(target_os = "macos") { "kern.ipc.somaxconn" } else { "net.core.somaxconn" };
    match longest {
        Some(longest @ ..BACKLOG) => Check::warn(
            "backlog",
            format!(
                "{longest}, and stages 2 to 5 ask for {BACKLOG}: with more connects at once, some take a second"
            ),
            format!("sudo sysctl -w {setting}=4096"),
        ),
        Some(longest) => Check::ok("backlog", longest.to_string()),
        None => {
            Check::warn("backlog", "the system does not say how long", format!("sysctl {setting}"))
        }
    }
}

/// The ports that a client's end of a connection can have, the first and the last.
pub fn ports(range: Option<(u64, u64)>) -> Check {
    let change = if cfg!(target_os = "macos") {
        "sudo sysctl -w net.inet.ip.portrange.first=32768"
    } else if cfg!(windows) {
        "netsh int ipv4 set dynamicport tcp start=32768 num=28000, as administrator"
    } else {
        "sudo sysctl -w net.ipv4.ip_local_port_range='32768 60999'"
    };
    let Some((first, last)) = range else {
        return Check::warn("client ports", "the system does not say how many", change);
    };
    match last.saturating_add(1).saturating_sub(first) {
        count @ 0..2_000 => Check::fail(
            "client ports",
            format!(
                "{count}, and a port stays in use for a minute after its connection: a thousand clients need 2000"
            ),
            change,
        ),
        count @ 2_000..11_000 => Check::warn(
            "client ports",
            format!("{count}: enough for the lessons, not for client hold -n 10k"),
            change,
        ),
        count => Check::ok("client ports", count.to_string()),
    }
}

/// What this process can have, now that it has raised its limit as the servers raise theirs.
#[cfg(unix)]
pub(super) fn most_descriptors() -> Option<u64> {
    rlimit::Resource::NOFILE.get().ok().map(|(soft, _)| soft)
}

/// Windows has no such limit for sockets; memory is what ends.
#[cfg(windows)]
pub(super) fn most_descriptors() -> Option<u64> {
    Some(u64::MAX)
}

/// `None` where there is no limit.
#[cfg(unix)]
pub(super) fn most_processes() -> Option<u64> {
    let limit = rlimit::Resource::NPROC.get().ok().map(|(soft, _)| soft);
    limit.filter(|most| *most < rlimit::INFINITY)
}

#[cfg(windows)]
pub(super) fn most_processes() -> Option<u64> {
    None
}

/// This user's processes; 0 if they cannot be counted.
pub(super) fn running_processes() -> u64 {
    let count = || {
        let user = ask("id", &["-u"])?;
        let listed = ask("ps", &["-U", &first_line(&user.stdout), "-o", "pid="])?;
        Some(String::from_utf8_lossy(&listed.stdout).lines().count() as u64)
    };
    count().unwrap_or(0)
}

pub(super) fn longest_backlog() -> Option<u64> {
    number("/proc/sys/net/core/somaxconn", "kern.ipc.somaxconn")
}

pub(super) fn ephemeral_ports() -> Option<(u64, u64)> {
    if cfg!(windows) {
        // "Start Port : 49152" and "Number of Ports : 16384", in the language of the system
        let told = ask("netsh", &["int", "ipv4", "show", "dynamicport", "tcp"])?;
        let told = String::from_utf8_lossy(&told.stdout);
        let mut numbers =
            told.lines().filter_map(|line| line.rsplit_once(':')?.1.trim().parse().ok());
        let (first, count): (u64, u64) = (numbers.next()?, numbers.next()?);
        return Some((first, first.checked_add(count)?.checked_sub(1)?));
    }
    if let Ok(text) = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range") {
        let (first, last) = text.trim().split_once(char::is_whitespace)?;
        return Some((first.parse().ok()?, last.trim().parse().ok()?));
    }
    Some((sysctl("net.inet.ip.portrange.first")?, sysctl("net.inet.ip.portrange.last")?))
}

/// Linux has a file for it, the others a name.
fn number(file: &str, name: &str) -> Option<u64> {
    match std::fs::read_to_string(file) {
        Ok(text) => text.trim().parse().ok(),
        Err(_) => sysctl(name),
    }
}

fn sysctl(name: &str) -> Option<u64> {
    first_line(&ask("sysctl", &["-n", name])?.stdout).parse().ok()
}
