//! The scripts of stage 7: `cluster.sh` leaves nothing behind, and `crash.sh` loses nothing.

mod cluster;

use cluster::{BINARY, Cluster, shared};
use std::fs;
use std::net::TcpListener;
use std::thread::sleep;
use std::time::{Duration, Instant};
use testkit::PATIENCE;
use testkit::scripts::{Script, must_crash_with_verdict};

#[test]
fn crash_loses_no_acknowledged_event() {
    let Some(cluster) = shared() else { return };
    for signal in ["KILL", "TERM"] {
        let options =
            ["--nats", &cluster.nats, "--name", &format!("crash-{signal}"), "--queue", "60"];
        let figures = "10 acknowledged, 10 applied, 0 lost";
        let options = [&options[..], &["--work", "50ms"]].concat();
        must_crash_with_verdict("kept", signal, figures, BINARY, &options);
    }
}

#[test]
fn whatever_ends_a_cluster_it_leaves_no_server_and_no_file() {
    for signal in ["INT", "TERM", "KILL"] {
        let folder = tempfile::tempdir().expect("a folder");
        let Some(cluster) = Cluster::start_in(Some(folder.path()), &[]) else { return };
        assert!(fs::read_dir(&folder).expect("a folder").next().is_some(), "its data are there");
        cluster.end(signal);
        let began = Instant::now();
        let ports = || cluster.nats.split(',').all(|addr| TcpListener::bind(addr).is_ok());
        while !ports() || fs::read_dir(&folder).expect("a folder").next().is_some() {
            assert!(began.elapsed() < PATIENCE, "SIG{signal}: something is left");
            sleep(Duration::from_millis(10)); // only SIGKILL leaves that to another process
        }
    }
}

#[test]
fn a_bad_command_line_is_one_line_and_the_usage() {
    for (args, says) in [
        (&["--port", "0"][..], "--port takes a whole number"),
        (&["--port", "65530"], "a port from 1 to 65523"),
        (&["--restart"], "--restart needs a value"),
        (&["up"], "unknown argument up"),
    ] {
        let output = Script::start("cluster.sh", args).end();
        assert_eq!(output.code(), Some(2), "{args:?}");
        assert!(output.errors.contains(says), "{args:?}: {}", output.errors);
        assert!(output.errors.contains("usage: scripts/cluster.sh"), "{}", output.errors);
    }
    let output = Script::start("cluster.sh", &["--server", "no-such-program"]).end();
    assert_eq!(output.code(), Some(1));
    assert!(output.errors.contains("no program 'no-such-program'"), "{}", output.errors);
}
