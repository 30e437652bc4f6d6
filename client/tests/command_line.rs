//! A bad command line is reported with exit code 2, a server that does not listen with 3.

mod outside;

use outside::{client, run, stdout};
use std::net::TcpListener;

#[test]
fn a_released_client_says_its_version() {
    let output = run(&["--version"]);
    assert_eq!(stdout(&output), concat!("client ", env!("CARGO_PKG_VERSION"), "\n"));
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn a_bad_command_line_is_exit_code_2_and_names_what_is_wrong() {
    for (args, named) in [
        (&["load", "-n", "0"][..], "-n"),
        (&["load", "-n", "-5"], "-n"),
        (&["load", "-c", "0"], "-c"),
        (&["load", "-c", "many"], "-c"),
        (&["load", "-z", "5"], "-z"),
        (&["load", "-n", "5", "-z", "5s"], "-z"),
        (&["load", "-q", "0"], "-q"),
        (&["load", "-q", "NaN"], "-q"),
        (&["load", "-t", "0s"], "-t"),
        (&["load", "-m", "GE T"], "-m"),
        (&["load", "-H", "no colon"], "-H"),
        (&["load", "-n", "10x"], "-n"),
        (&["load", "-n", "99999999999999999M"], "-n"),
        (&["load", "-c", "200k"], "-c"),
        (&["load", "-n", "1.5"], "-n"),
        (&["load", "-q", "2M"], "-q"),
        (&["load", "-q", "1e3"], "-q"),
        (&["load", "-D", "/nowhere/at/all"], "-D"),
        (&["load", "-D", "Cargo.toml", "-d", "x"], "-D"),
        (&["load", "--burst", "-q", "5"], "--burst"),
        (&["load", "--burst", "-z", "5s"], "--burst"),
        (&["load", "--verify"], "--event"),
        (&["load", "--no-jitter"], "--retry"),
        (&["load", "--seed", "-1"], "--seed"),
        (&["load", "--expect", "served"], "--expect"),
        (&["load", "--expect", "served.p999<1s"], "p999"),
        (&["load", "--expect", "served.p99<5"], "200ms"),
        (&["load", "--expect", "happiness>5"], "happiness"),
        (&["load", "--expect", "failed<-1"], "--expect"),
        (&["load", "--expect", "served>101%"], "--expect"),
        (&["load", "--event", "-d", "x"], "--event"),
        (&["load", "https://localhost"], "http://"),
        (&["load", "localhost:99999"], "URL"),
        (&["load", "http://user@localhost:80"], "URL"),
        (&["load", "localhost:0"], "URL"),
        (&["load", "localhost"], "there is no port"),
        (&["load", "127.0.0.1:+8080"], "a port is a number"),
        (&["hold", "127.0.0.1:+8080"], "a port is a number"),
        (&["check", "1", "8080:1"], "not the name or address"),
        (&["load", "--verify", "--event", "-m", "PUT"], "--verify"),
        (&["load", "--seed", "1"], "--retry"),
        (&["hold", "--as", "angry"], "--as"),
        (&["hold", "-n", "0"], "-n"),
        (&["compare", "--out"], "--out"),
        (&["compare", "--also", "mine"], "NAME=HOST:PORT"),
        (&["compare", "--also", "=127.0.0.1:80"], "NAME=HOST:PORT"),
        (&["compare", "--also", "mine=here"], "there is no port"),
        (&["compare", "--also", "mine=server.py"], "there is no port"),
        (&["compare", "page.html"], "page.html"),
        (&["nonsense"], "nonsense"),
        (&[], "Usage"),
    ] {
        let output = run(args);
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(error.contains(named), "{args:?}: {error}");
    }
}

#[test]
fn a_long_line_of_help_is_folded_and_indented() {
    let help = stdout(&run(&["load", "--help"]));
    let words = "Send a request that got 503 again, not before its Retry-After, and later each time; its latency goes on counting";
    let (first, rest) =
        help.split_once("Send a request that got 503").expect("--retry is explained");
    let column = first.lines().last().map_or(0, str::len);
    let lines = rest.lines().take_while(|line| !line.trim_start().starts_with("--"));
    let lines: Vec<_> =
        lines.map(|line| line.strip_prefix(&*" ".repeat(column)).unwrap_or(line)).collect();
    assert_eq!(format!("Send a request that got 503{}", lines.join(" ")), words);
    assert!(lines.len() > 1, "{help}");
}

#[test]
fn a_server_that_is_not_there_is_one_line_and_exit_code_3() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    for command in ["load", "hold"] {
        let output = client(&[command, &free]).env("RUST_BACKTRACE", "1").output().unwrap();
        assert_eq!(output.status.code(), Some(3), "{command}");
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(error.lines().count(), 1, "{error}");
        assert!(
            error.contains("no server listens there") && error.contains("cargo stage1"),
            "{error}"
        );
    }
}

#[test]
fn verification_without_a_server_is_exit_code_3_as_well() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let output = run(&["load", "--event", "--verify", &free]);
    let error = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), error.lines().count()), (Some(3), 1), "{error}");
    assert!(error.contains("no server listens there"), "{error}");
}

#[test]
fn the_error_of_a_bad_command_line_is_its_last_line_below_the_usage() {
    for (args, usage) in [
        (&["check", "0"][..], "Usage: client check [OPTIONS] <STAGE> [URL]"),
        (&["load", "-n", "0"], "Usage: client load [OPTIONS] [URL]"),
        (&["load", "--jsn"], "Usage: client load [OPTIONS] [URL]"),
        (&["load", "--verify"], "Usage: client load [OPTIONS] [URL]"),
        (&["load", "--verify", "--event", "-d", "x"], "Usage: client load [OPTIONS] [URL]"),
        (&["load", "localhost"], "Usage: client load [OPTIONS] [URL]"),
        (&["hold", "--as", "angry"], "Usage: client hold [OPTIONS] [URL]"),
        (&["check"], "Usage: client check [OPTIONS] <STAGE> [URL]"),
        (&["compare", "page.html"], "Usage: client compare [OPTIONS]"),
        (&["claims", "all"], "Usage: client claims"),
        (&["doctor", "--addr", "x"], "Usage: client doctor [OPTIONS]"),
        (&["nonsense"], "Usage: client <COMMAND>"),
        (&[], "Usage: client <COMMAND>"),
    ] {
        let output = run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {error}");
        assert!(error.lines().any(|line| line.starts_with(usage)), "{args:?}: {error}");
        let errors: Vec<_> = error.lines().filter(|line| line.starts_with("error: ")).collect();
        assert_eq!(errors, [error.lines().last().unwrap()], "{args:?}: {error}");
    }
}

#[test]
fn what_builds_the_stages_says_outside_the_repository_that_it_needs_it() {
    for command in ["compare", "live"] {
        let output = client(&[command]).current_dir(std::env::temp_dir()).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        let says =
            format!("{command} builds the stages, so it needs the repository: cd to your clone");
        assert!(error.contains(&says), "{error}");
    }
}

#[test]
fn compare_says_that_its_page_cannot_be_written_before_it_runs_anything() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("file");
    std::fs::write(&file, "of another program").unwrap();
    let (under, page) = (file.join("page.html"), folder.path().join("page.html"));
    let [file, under, page, folder] =
        [&file, &under, &page, folder.path()].map(|path| path.to_str().unwrap());
    for (args, named) in [
        (&["compare", "--out", under][..], under),
        (&["compare", "--out", file], "index.html"),
        (&["compare", "--out", page, "--json", folder], folder),
    ] {
        let output = run(args);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{error}");
        assert!(error.contains("cannot write") && error.contains(named), "{error}");
        assert!(!error.contains("building"), "{error}");
    }
    let left: Vec<_> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["file"], "nothing is left of a page that was not written");
}

#[test]
#[cfg(unix)]
fn compare_beyond_says_in_one_line_that_stage_7_is_left_out() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let left_out = |why: &str| {
        let mut compare = client(&["compare", "--beyond", "--out"]);
        compare.arg(folder.path()).env("PATH", folder.path()).env("CARGO", "no-such-cargo");
        let output = compare.output().unwrap(); // there is nothing to build it with
        let error = String::from_utf8_lossy(&output.stderr);
        let line = format!("stage 7 is left out: {why}");
        assert!(error.lines().next().is_some_and(|first| first.starts_with(&line)), "{error}");
    };
    left_out("nats-server is not installed; client doctor says");
    let old = folder.path().join("nats-server");
    std::fs::write(&old, "#!/bin/sh\necho 'nats-server: v2.10.26'\n").unwrap();
    std::fs::set_permissions(&old, std::fs::Permissions::from_mode(0o755)).unwrap();
    left_out("nats-server 2.10.26 loses events that it has acknowledged");
}

#[test]
fn a_name_that_does_not_resolve_is_one_line_and_exit_code_3() {
    for command in ["load", "hold"] {
        let output = run(&[command, "no-such-name.invalid:80"]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert_eq!((output.status.code(), error.lines().count()), (Some(3), 1), "{error}");
        assert!(error.contains("no-such-name.invalid:80 does not resolve"), "{error}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_message_that_cannot_be_written_ends_the_client_as_if_it_could() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    assert_eq!(client(&["load", &free]).stderr(full).status().unwrap().code(), Some(3));
}

#[cfg(target_os = "linux")]
#[test]
fn output_that_cannot_be_written_is_one_line_and_exit_code_1() {
    let (server, _) = outside::http_server(|_, _| http1::Response::text("hello".into()));
    let server = server.to_string();
    for args in [
        &["--help"][..],
        &["load", "--help"],
        &["claims"],
        &["claims", "--json"],
        &["doctor", "--addr", "127.0.0.1:0"],
        &["load", "-n", "5", &server],
        &["load", "-n", "5", "--json", &server],
        &["hold", "-n", "1", "-z", "100ms", &server],
        &["check", "1", "--only", "echo", &server],
        &["check", "1", "--only", "echo", "--json", &server],
    ] {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = client(args).stdout(full).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr);
        let expected = "error: cannot write the output: No space left on device (os error 28)\n";
        assert_eq!((output.status.code(), &*error), (Some(1), expected), "{args:?}");
    }
}

#[test]
fn a_reader_that_leaves_early_is_not_an_error() {
    for command in ["claims", "claims --json", "--help"] {
        let line = format!("{} {command} | true", env!("CARGO_BIN_EXE_client"));
        let output = std::process::Command::new("sh").args(["-c", &line]).output().unwrap();
        assert_eq!((output.status.code(), output.stderr.len()), (Some(0), 0), "{output:?}");
    }
}
