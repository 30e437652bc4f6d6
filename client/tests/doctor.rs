//! `client doctor`, on this machine and on machines that lack something.

use client::doctor::disk::disk;
use client::doctor::limits::{backlog, cores, descriptors, ports, processes};
use client::doctor::{Check, Health, nats_server_of};
use std::ffi::OsString;
use std::fs::Permissions;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

const CLIENT: &str = env!("CARGO_BIN_EXE_client");

/// The doctor, for servers on a port that is free.
fn doctor() -> Command {
    of(Command::new(CLIENT))
}

/// The same, behind whatever starts it.
fn of(mut command: Command) -> Command {
    command.args(["doctor", "--addr", "127.0.0.1:0"]).stdin(Stdio::null());
    for proxy in ["http_proxy", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"] {
        command.env_remove(proxy);
    }
    command
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The line of a check, and its fix.
fn line<'a>(told: &'a str, name: &str) -> (&'a str, &'a str) {
    let start = format!("{name:<13}  ");
    let is_it =
        |line: &&str| line.split_once(' ').is_some_and(|(_, rest)| rest.starts_with(&start));
    let mut lines = told.lines().skip_while(|line| !is_it(line));
    let line = lines.next().unwrap_or_else(|| panic!("no line {name}: {told}"));
    (line, lines.next().and_then(|next| next.strip_prefix("    Fix: ")).unwrap_or_default())
}

/// A folder with some of this machine's programs and nothing else.
fn only(programs: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = std::env::var_os("PATH").expect("PATH is set");
    for program in programs {
        let mut found = std::env::split_paths(&path).map(|path| path.join(program));
        let found =
            found.find(|path| path.is_file()).unwrap_or_else(|| panic!("{program} is not here"));
        symlink(found, folder.path().join(program)).expect("a link");
    }
    folder
}

/// A program that replaces one of this machine's and prints this.
fn instead(program: &str, prints: &str) -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join(program);
    std::fs::write(&path, format!("#!/bin/sh\ncat <<'END'\n{prints}\nEND\n")).expect("a file");
    std::fs::set_permissions(&path, Permissions::from_mode(0o755)).expect("the file is there");
    folder
}

fn before_path(folder: &Path) -> OsString {
    let path = std::env::var_os("PATH").expect("PATH is set");
    std::env::join_paths([folder.to_path_buf()].into_iter().chain(std::env::split_paths(&path)))
        .expect("folders are a path")
}

#[test]
fn a_machine_that_builds_these_tests_is_ready() {
    let output = doctor().output().unwrap();
    let told = told(&output);
    assert_eq!((output.status.code(), told.contains('✗')), (Some(0), false), "{told}");
    assert!(told.contains("\nready for a class") && !told.contains('\u{1b}'), "{told}");
    for name in ["cores", "loopback", "curl", "bash", "shell tools", "rust", "dependencies"] {
        assert!(!line(&told, name).0.starts_with('✗'), "{told}");
    }
    assert!(line(&told, "loopback").0.starts_with('✓'), "{told}");
}

#[test]
fn every_check_that_is_not_ok_says_how_to_fix_it() {
    let empty = tempfile::tempdir().unwrap();
    let output = doctor().env("PATH", empty.path()).env_remove("CARGO").output().unwrap();
    let told = told(&output);
    let lines: Vec<_> = told.lines().collect();
    let mut wrong = 0;
    for (place, line) in lines.iter().enumerate().filter(|(_, line)| line.starts_with(['✗', '!']))
    {
        assert!(lines[place + 1].starts_with("    Fix: "), "{line}: {told}");
        wrong += usize::from(line.starts_with('✗'));
    }
    for name in ["curl", "bash", "shell tools", "rust", "dependencies"] {
        assert!(line(&told, name).0.starts_with('✗'), "{name}: {told}");
    }
    assert_eq!((output.status.code(), wrong), (Some(1), 5), "{told}");
    assert!(told.contains("\nnot ready for a class: 5 to fix"), "{told}");
}

#[test]
fn an_address_in_use_says_how_to_find_its_owner_and_what_to_use_instead() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    let output =
        Command::new(CLIENT).args(["doctor", "--addr", &addr.to_string()]).output().unwrap();
    let told = told(&output);
    let (line, fix) = line(&told, "address");
    assert!(line.starts_with('✗') && line.contains(&format!("{addr} is in use")), "{told}");
    assert!(
        line.contains(&format!(":{}", addr.port()))
            && (line.contains("lsof -nP") || line.contains("ss -ltnp")),
        "{told}"
    );
    assert!(fix.contains("--addr 127.0.0.1:"), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_server_that_localhost_may_mean_instead_of_ours_is_found() {
    let Ok(other) = TcpListener::bind("[::1]:0") else { return }; // no IPv6: then localhost is 127.0.0.1
    let port = other.local_addr().unwrap().port();
    let output = Command::new(CLIENT)
        .args(["doctor", "--addr", &format!("127.0.0.1:{port}")])
        .output()
        .unwrap();
    let told = told(&output);
    let (line, fix) = line(&told, "address");
    assert!(
        line.starts_with('!')
            && line.contains(&format!("[::1]:{port}"))
            && fix.contains("127.0.0.1"),
        "{told}"
    );
}

#[test]
fn the_time_of_a_sync_is_measured_where_stage_6_would_store_its_data() {
    let told = told(&doctor().output().unwrap());
    let (line, _) = line(&told, "disk");
    assert!(line.starts_with("✓") && line.contains(" a sync takes "), "{line}");
    assert!(line.contains(" µs;") || line.contains(" ms;"), "{line}");
    let unwritable = disk(Err(std::io::ErrorKind::PermissionDenied.into()));
    assert_eq!(unwritable.health, Health::Warn);
    assert!(unwritable.fix.is_some_and(|fix| fix.contains("--data")));
}

#[test]
fn a_nats_server_that_is_too_old_for_stage_7_is_reported_and_none_is_not_a_problem() {
    let health = |version: &str| nats_server_of(Some(format!("nats-server: v{version}"))).health;
    assert_eq!(["2.12.0", "2.15.1", "3.0.0"].map(health), [Health::Ok; 3]);
    assert_eq!(["2.11.11", "2.9.10", "1.20.0"].map(health), [Health::Warn; 3]);
    assert_eq!(nats_server_of(None).health, Health::Ok);
}

#[test]
fn too_few_descriptors_for_the_lessons_are_a_failure() {
    let mut bash = Command::new("bash");
    bash.args(["-c", "ulimit -n 64 && exec \"$0\" \"$@\"", CLIENT]);
    let output = of(bash).output().unwrap();
    let told = told(&output);
    let (line, fix) = line(&told, "descriptors");
    assert!(
        line.starts_with('✗') && line.contains("64 for a process") && fix.contains("sudo"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn without_nc_the_scripts_take_bash_and_that_is_fine() {
    let folder = only(&["bash", "cargo", "cat", "curl", "date", "mkfifo", "rustc"]);
    let output = doctor().env("PATH", folder.path()).output().unwrap();
    let told = told(&output);
    assert_eq!(
        line(&told, "nc").0,
        "✓ nc             none: the scripts use bash's own /dev/tcp",
        "{told}"
    );
    assert!(
        line(&told, "python3").0.starts_with('!') && line(&told, "browser").0.starts_with('!'),
        "{told}"
    );
    let (tools, fix) = line(&told, "lesson tools");
    assert!(
        tools.starts_with('!') && tools.contains("git (stages 1 to 4, bounds: the patches)"),
        "{told}"
    );
    assert!(fix.contains("install git"), "{told}");
    assert_eq!(output.status.code(), Some(0), "{told}");
}

#[test]
fn each_kind_of_nc_is_recognised() {
    for (help, whose) in [
        (
            "OpenBSD netcat (Debian patchlevel 1.219-1)\nusage: nc [-46CDdFhklNnrStUuvZz]",
            "✓ nc             nc, OpenBSD's",
        ),
        (
            "[v1.10-47]\nconnect to somewhere:\tnc [-options] hostname port[s] [ports] ...",
            "nc, the traditional one",
        ),
        (
            "Ncat 7.93 ( https://nmap.org/ncat )\nUsage: ncat [options] [hostname] [port]",
            "nc, nmap's ncat",
        ),
        ("nc: invalid option -- 'h'\nBusyBox v1.35.0 (Debian) multi-call binary.", "nc, busybox's"),
    ] {
        let folder = instead("nc", help);
        let told = told(&doctor().env("PATH", before_path(folder.path())).output().unwrap());
        assert!(line(&told, "nc").0.ends_with(whose), "{whose}: {told}");
    }
}

#[test]
fn a_rust_that_is_too_old_is_named_with_the_command_that_updates_it() {
    for (release, sign) in
        [("1.84.1", '✗'), ("1.85.0", '✓'), ("1.100.0-nightly", '✓'), ("2.0.0", '✓'), ("none", '✗')]
    {
        let rustc =
            instead("rustc", &format!("rustc {release}\nbinary: rustc\nrelease: {release}"));
        let output = doctor().env("PATH", before_path(rustc.path())).output().unwrap();
        let told = told(&output);
        let (line, fix) = line(&told, "rust");
        assert!(line.starts_with(sign) && line.contains(release), "{told}");
        assert!(
            sign == '✓' || (fix.starts_with("rustup update") && output.status.code() == Some(1)),
            "{told}"
        );
    }
}

#[test]
fn a_bash_that_is_too_old_or_cannot_connect_is_a_failure() {
    for (prints, sign, word) in [
        ("3.2.57(1)-release\nHTTP/1.1 200 OK", None, "3.2.57"), // whether it is noted is for perl to say
        ("3.1.0(1)-release\nHTTP/1.1 200 OK", Some('✗'), "the scripts need 3.2"),
        ("5.2.15(1)-release", Some('✗'), "cannot connect"),
        ("5.2.15(1)-release\nHTTP/1.1 200 OK", Some('✓'), "5.2.15"),
    ] {
        let bash = instead("bash", prints);
        let told = told(&doctor().env("PATH", before_path(bash.path())).output().unwrap());
        let (line, _) = line(&told, "bash");
        let as_told = sign.map_or(!line.starts_with('✗'), |sign| line.starts_with(sign));
        assert!(as_told && line.contains(word), "{told}");
    }
}

#[test]
fn a_proxy_that_curl_would_ask_for_our_servers_is_found() {
    let unreachable =
        format!("http://{}", TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap());
    let output = doctor().env("http_proxy", &unreachable).output().unwrap();
    let told = told(&output);
    assert!(line(&told, "curl").0.starts_with('✗'), "{told}");
    assert_eq!(
        (line(&told, "curl").1, output.status.code()),
        ("export no_proxy=127.0.0.1,localhost", Some(1)),
        "{told}"
    );
    let output = doctor()
        .env("http_proxy", &unreachable)
        .env("no_proxy", "127.0.0.1,localhost")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(0), "fixed as it said");
}

#[test]
fn packages_that_are_not_downloaded_are_missed_before_the_class() {
    let empty = tempfile::tempdir().unwrap();
    let output = doctor().env("CARGO_HOME", empty.path()).output().unwrap();
    let told = told(&output);
    let (line, fix) = line(&told, "dependencies");
    assert!(line.starts_with('✗') && line.contains("needs the network"), "{told}");
    assert_eq!(
        (fix.split(',').next(), output.status.code()),
        (Some("cargo fetch --locked"), Some(1))
    );
}

#[test]
fn packages_of_the_tests_alone_stop_no_class() {
    let folder = tempfile::tempdir().unwrap();
    let cargo = folder.path().join("cargo");
    let script = "#!/bin/sh\ncase \"$*\" in tree*no-dev*) ;; tree*) echo 'error: no proptest' >&2; exit 101 ;; esac\n";
    std::fs::write(&cargo, script).unwrap();
    std::fs::set_permissions(&cargo, Permissions::from_mode(0o755)).unwrap();
    let output = doctor().env("CARGO", &cargo).output().unwrap();
    let told = told(&output);
    let (line, fix) = line(&told, "dependencies");
    assert!(line.starts_with('!') && line.contains("cargo test needs the network"), "{told}");
    assert_eq!(
        (fix.split(',').next(), output.status.code()),
        (Some("cargo fetch --locked"), Some(0))
    );
}

#[test]
fn binaries_that_are_missing_or_older_than_their_sources_are_named() {
    let target = tempfile::tempdir().unwrap();
    let debug = target.path().join("debug");
    std::fs::create_dir(&debug).unwrap();
    let source = target.path().join("a source.rs");
    let binary = |name: &str| std::fs::write(debug.join(name), "").unwrap();
    let list = |name: &str| {
        let source = source.to_str().unwrap().replace(' ', "\\ ");
        std::fs::write(
            debug.join(format!("{name}.d")),
            format!("{}: {source}\n", debug.join(name).display()),
        )
        .unwrap();
    };
    binary("stage1-blocking"); // before its source
    list("stage1-blocking");
    std::fs::write(&source, "").unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(60);
    std::fs::File::open(&source).unwrap().set_modified(later).unwrap();
    for name in ["stage2-async", "client"] {
        binary(name);
        list(name);
        std::fs::File::open(debug.join(name)).unwrap().set_modified(later).unwrap();
    }
    let output = doctor().env("CARGO_TARGET_DIR", target.path()).output().unwrap();
    let told = told(&output);
    let missing = "not built, or older than their sources: stage1-blocking, stage3-parse, stage4-slow-state, stage5-backpressure";
    let (debug, fix) = line(&told, "debug build");
    assert!(debug.starts_with('!') && debug.ends_with(missing), "{told}");
    assert_eq!(
        (fix, line(&told, "release build").1),
        ("cargo build", "cargo build --release"),
        "{told}"
    );
    assert_eq!(output.status.code(), Some(0), "it only takes longer");
}

#[test]
fn binaries_are_looked_for_where_cargo_builds_for_one_system() {
    let target = tempfile::tempdir().unwrap();
    let debug = target.path().join("some-system/debug");
    std::fs::create_dir_all(&debug).unwrap();
    let client = debug.join("client");
    std::fs::copy(CLIENT, &client).unwrap();
    let stages = probe::stages::STAGES;
    for name in stages.into_iter().chain(["client"]) {
        let binary = debug.join(name);
        if name != "client" {
            std::fs::write(&binary, "").unwrap();
        }
        let list = format!("{}: {}\n", binary.display(), binary.display());
        std::fs::write(binary.with_extension("d"), list).unwrap();
    }
    let output = of(Command::new(client)).env("CARGO_TARGET_DIR", target.path()).output().unwrap();
    let told = told(&output);
    assert!(line(&told, "debug build").0.starts_with('✓'), "{told}");
    assert!(line(&told, "release build").0.starts_with('!'), "{told}");
}

#[test]
fn outside_the_workspace_it_says_where_to_ask() {
    let output = doctor().current_dir(std::env::temp_dir()).output().unwrap();
    let told = told(&output);
    assert!(line(&told, "workspace").1.starts_with("cd "), "{told}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn what_a_machine_allows_is_judged_by_what_the_lessons_need() {
    use Health::{Fail, Ok as Fine, Warn};
    let health =
        |findings: &[Check]| findings.iter().map(|finding| finding.health).collect::<Vec<_>>();
    assert_eq!(health(&[cores(0), cores(1), cores(2), cores(64)]), [Warn, Warn, Fine, Fine]);
    let descriptors =
        [None, Some(256), Some(1024), Some(4096), Some(10_240), Some(1 << 40)].map(descriptors);
    assert_eq!(health(&descriptors), [Warn, Fail, Fail, Warn, Fine, Fine]);
    let of_a_user =
        [(None, 0), (Some(1000), 0), (Some(2666), 400), (Some(1333), 400), (Some(u64::MAX - 1), 1)];
    assert_eq!(
        health(&of_a_user.map(|(most, running)| processes(most, running))),
        [Fine, Warn, Fine, Warn, Fine]
    );
    assert_eq!(
        health(&[None, Some(128), Some(1023), Some(1024)].map(backlog)),
        [Warn, Warn, Warn, Fine]
    );
    let ports = [
        None,
        Some((60_000, 60_999)),
        Some((49_152, 65_535)),
        Some((55_000, 60_999)),
        Some((9, 1)),
    ]
    .map(ports);
    assert_eq!(health(&ports), [Warn, Fail, Fine, Warn, Fail]);
}

#[test]
fn a_bad_command_line_is_exit_code_2_and_names_what_is_wrong() {
    for (args, named) in
        [(&["doctor", "--addr", "8080"][..], "--addr"), (&["doctor", "now"], "now")]
    {
        let output = Command::new(CLIENT).args(args).output().unwrap();
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!((output.status.code(), error.contains(named)), (Some(2), true), "{error}");
    }
}
