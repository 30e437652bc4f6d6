//! The programs beside ours, each tried as the lessons use it.

use super::finding::Check;
use super::network::{ANSWER, QUESTION};
use super::program::{ask, find, first_line};
use std::net::SocketAddr;

/// How to install a package.
fn install(package: &str) -> String {
    if cfg!(target_os = "macos") {
        format!("brew install {package}")
    } else {
        format!("sudo apt install {package}")
    }
}

/// Whether curl gets a response from 127.0.0.1: with a proxy set it may ask that instead.
pub(super) fn curl(answering: Option<SocketAddr>) -> Check {
    let Some(version) = ask("curl", &["--version"]) else {
        return Check::failing("curl", "none, and the lessons ask with it", install("curl"));
    };
    let version = first_line(&version.stdout).split(' ').nth(1).unwrap_or_default().to_owned();
    let Some(addr) = answering else { return Check::fine("curl", version) };
    let asked = ask("curl", &["-sS", "-m", "5", &format!("http://{addr}/")]);
    match asked {
        Some(asked) if asked.stdout == ANSWER.as_bytes() => Check::fine("curl", version),
        _ if ["http_proxy", "all_proxy", "ALL_PROXY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some()) =>
        {
            Check::failing(
                "curl",
                format!("{version} asks a proxy for 127.0.0.1, and that does not know our servers"),
                "export no_proxy=127.0.0.1,localhost",
            )
        }
        asked => {
            let said = asked.map(|asked| first_line(&asked.stderr)).unwrap_or_default();
            Check::failing(
                "curl",
                format!("{version} has no answer from 127.0.0.1: {said}"),
                "curl -v, and look at ~/.curlrc",
            )
        }
    }
}

/// Which bash runs the scripts, and whether it can connect: their normal request uses its `/dev/tcp`.
pub(super) fn bash(answering: Option<SocketAddr>) -> Check {
    let script = "echo \"$BASH_VERSION\"; [ \"$1\" = 0 ] || exec 6<>\"/dev/tcp/127.0.0.1/$1\" && \
        printf %s \"$2\" >&6 && IFS= read -r line <&6 && echo \"$line\"";
    let port = answering.map_or(0, |addr| addr.port()).to_string();
    let Some(asked) = ask("bash", &["-c", script, "bash", &port, QUESTION]) else {
        return Check::failing("bash", "none, and the scripts are written for it", install("bash"));
    };
    let told = String::from_utf8_lossy(&asked.stdout);
    let mut lines = told.lines();
    let version = lines.next().unwrap_or_default().split('(').next().unwrap_or_default().to_owned();
    let connects =
        answering.is_none() || lines.next().is_some_and(|line| line.starts_with("HTTP/1.1 200"));
    let number = |place: usize| {
        version.split('.').nth(place).and_then(|digits| digits.parse().ok()).unwrap_or(0u32)
    };
    if (number(0), number(1)) < (3, 2) {
        Check::failing("bash", format!("'{version}', and the scripts need 3.2"), install("bash"))
    } else if !connects {
        Check::failing(
            "bash",
            format!("{version} cannot connect through /dev/tcp, as the scripts do"),
            install("bash"),
        )
    } else if number(0) < 5
        && ask("perl", &["-MTime::HiRes", "-e", "1"]).is_none_or(|perl| !perl.status.success())
    {
        let coarse =
            format!("{version}, and no perl: the scripts have no clock finer than a second");
        Check::noted(
            "bash",
            coarse,
            install(if cfg!(target_os = "macos") { "bash" } else { "perl" }),
        )
    } else {
        Check::fine("bash", version)
    }
}

/// The nc that the scripts take: the first of these that is here.
const NCS: [&str; 4] = ["nc", "ncat", "nc.openbsd", "nc.traditional"];

/// Which nc there is. Any will do, and none.
pub(super) fn nc() -> Check {
    let Some((name, path)) = NCS.into_iter().find_map(|name| Some((name, find(name)?))) else {
        return Check::fine("nc", "none: the scripts take bash's own /dev/tcp");
    };
    let help = ask(&path.to_string_lossy(), &["-h"])
        .map(|help| [help.stdout, help.stderr].concat())
        .unwrap_or_default();
    let help = String::from_utf8_lossy(&help);
    let whose = match help.as_ref() {
        help if help.contains("OpenBSD") => "OpenBSD's",
        help if help.contains("Ncat") => "nmap's ncat",
        help if help.contains("BusyBox") => "busybox's",
        help if help.contains("[v1.") => "the traditional one",
        _ if cfg!(target_os = "macos") => "macOS's",
        _ => {
            return Check::noted(
                "nc",
                format!("{name} is of a kind that the scripts were not tried with"),
                "scripts/flood.sh --nc none, if it has no connections",
            );
        }
    };
    Check::fine("nc", format!("{name}, {whose}"))
}

/// What else the scripts call.
pub(super) fn shell_tools() -> Check {
    let all = ["awk", "mkfifo", "sed"];
    let missing: Vec<_> = all.into_iter().filter(|tool| find(tool).is_none()).collect();
    match &missing[..] {
        [] => Check::fine("shell tools", all.join(", ")),
        _ => Check::failing(
            "shell tools",
            format!("no {}, which the scripts need", missing.join(", no ")),
            install("coreutils gawk sed"),
        ),
    }
}

/// Python, for a bridge.
pub(super) fn python() -> Check {
    match ask("python3", &["--version"]).filter(|version| version.status.success()) {
        Some(version) => Check::fine("python3", first_line(&version.stdout).replace("Python ", "")),
        None => Check::noted(
            "python3",
            "none: bridges/echo.py stays out, no lesson needs it",
            install("python3"),
        ),
    }
}

/// The width at which `compare` prints its table side by side.
const WIDE: usize = 128;

/// Whether the table of `compare` fits.
pub(super) fn terminal(columns: Option<usize>) -> Check {
    match columns {
        None => Check::fine("terminal", "this output goes to none"),
        Some(columns @ ..WIDE) => Check::noted(
            "terminal",
            format!(
                "{columns} columns, so compare prints its stages one below the other; side by side takes {WIDE}"
            ),
            "make it wider or its type smaller, or show the page: cargo run --release -p client -- compare --open",
        ),
        Some(columns) => Check::fine("terminal", format!("{columns} columns")),
    }
}

/// What `compare --open` calls.
pub(super) fn browser() -> Check {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    match find(opener) {
        Some(_) => Check::fine("browser", opener),
        None => Check::noted(
            "browser",
            format!("no {opener}, so compare --open opens none"),
            "open target/compare/index.html by hand",
        ),
    }
}
