//! `client load --event --keys --retry --verify` agrees with stage 6, whatever happens to its responses.

mod durable;
mod outside;

use durable::{Data, end_of};
use serde_json::Value;
use std::net::{SocketAddr, TcpListener};
use std::process::{Command, Stdio};
use testkit::{Server, wait_until};

/// Starts a server at an address of its own, where the next one will be, too.
fn start_at(addr: SocketAddr, data: &Data) -> Server {
    let mut command = Command::new("sh");
    // without the address that the test kit adds
    command.args(["-c", "exec \"$0\" --data \"$1\" --addr \"$2\" --work 0s --queue 2000"]);
    command.arg(env!("CARGO_BIN_EXE_stage6-durable")).arg(data.path()).arg(addr.to_string());
    command.env("RUST_LOG", "off").stderr(Stdio::null());
    Server::start(command).expect("it starts")
}

#[test]
fn verify_agrees_although_the_server_is_killed_in_the_middle() {
    let (client, data) = (outside::client(), Data::new());
    let free = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let addr = free.expect("there is a free port");
    let mut server = start_at(addr, &data);
    let mut load = Command::new(client);
    load.args(["load", "-n", "5000", "-c", "16", "--event", "--keys", "--retry", "--verify"]);
    load.arg("--json").arg(addr.to_string()).stdout(Stdio::piped());
    let load = load.spawn().expect("the client starts");
    for kills in 1..=3 {
        wait_until(addr, "/stats", |stats| stats["accepted"].as_u64() >= Some(kills * 800));
        server.signal("KILL").expect("it runs");
        end_of(server);
        server = start_at(addr, &data);
    }
    let output = load.wait_with_output().expect("the client ends");
    let report: Value = serde_json::from_slice(&output.stdout).expect("a report");
    let figures = &report["verified"]["figures"];
    assert_eq!(
        (output.status.code(), &report["verified"]["holds"]),
        (Some(0), &true.into()),
        "{report:#}"
    );
    assert!(figures["acknowledged"].as_u64() > Some(2400), "{figures}");
    assert!(report["failed"]["count"].as_u64() > Some(0), "responses were lost: {report:#}");
}
