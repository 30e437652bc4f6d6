//! The programs beside ours, each tried as the lessons use it.

use super::finding::Check;
use super::network::{ANSWER, QUESTION};
use super::program::{ask, first_line};
use probe::tools::{TOOLS, find};
use std::net::SocketAddr;

/// How to install a package.
fn install(package: &str) -> String {
    if cfg!(target_os = "macos") {
        format!("brew install {package}")
    } else if cfg!(windows) {
        format!("winget install {package}")
    } else {
        format!("sudo apt install {package}")
    }
}

/// Whether curl gets a response from 127.0.0.1: with a proxy set it may ask that instead.
pub(super) fn curl(answering: Option<SocketAddr>) -> Check {
    let Some(version) = ask("curl", &["--version"]) else {
        return Check::fail(
            "curl",
            "not installed, and the lessons send requests with it",
            install("curl"),
        );
    };
    let version = first_line(&version.stdout).split(' ').nth(1).unwrap_or_default().to_owned();
    let Some(addr) = answering else { return Check::ok("curl", version) };
    let asked = ask("curl", &["-sS", "-m", "5", &format!("http://{addr}/")]);
    match asked {
        Some(asked) if asked.stdout == ANSWER.as_bytes() => Check::ok("curl", version),
        _ if ["http_proxy", "all_proxy", "ALL_PROXY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some()) =>
        {
            Check::fail(
                "curl",
                format!(
                    "{version} sends requests for 127.0.0.1 to a proxy, which does not know our servers"
                ),
                "export no_proxy=127.0.0.1,localhost",
            )
        }
        asked => {
            let said = asked.map(|asked| first_line(&asked.stderr)).unwrap_or_default();
            Check::fail(
                "curl",
                format!("{version} gets no response from 127.0.0.1: {said}"),
                "look at ~/.curlrc, and at what curl -v prints",
            )
        }
    }
}

/// Windows has no bash, and nothing in the course needs one there.
pub(super) fn no_scripts() -> Check {
    Check::ok(
        "scripts",
        "not for Windows: each lesson names the client's command that does the same",
    )
}

/// Which bash runs the scripts, and whether it can connect: their normal request uses its
/// `/dev/tcp`.
pub(super) fn bash(answering: Option<SocketAddr>) -> Check {
    let script = "echo \"$BASH_VERSION\"; [ \"$1\" = 0 ] || exec 6<>\"/dev/tcp/127.0.0.1/$1\" && \
        printf %s \"$2\" >&6 && IFS= read -r line <&6 && echo \"$line\"";
    let port = answering.map_or(0, |addr| addr.port()).to_string();
    let Some(asked) = ask("bash", &["-c", script, "bash", &port, QUESTION]) else {
        return Check::fail("bash", "not installed, and the scripts need it", install("bash"));
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
        Check::fail(
            "bash",
            format!("version '{version}' is too old: the scripts need 3.2"),
            install("bash"),
        )
    } else if !connects {
        Check::fail(
            "bash",
            format!("{version} cannot connect through /dev/tcp, as the scripts do"),
            install("bash"),
        )
    } else if number(0) < 5
        && ask("perl", &["-MTime::HiRes", "-e", "1"]).is_none_or(|perl| !perl.status.success())
    {
        let coarse = format!("{version} without perl: the scripts can only measure whole seconds");
        Check::warn(
            "bash",
            coarse,
            install(if cfg!(target_os = "macos") { "bash" } else { "perl" }),
        )
    } else {
        Check::ok("bash", version)
    }
}

/// The nc that the scripts use: the first of these that is installed.
const NCS: [&str; 4] = ["nc", "ncat", "nc.openbsd", "nc.traditional"];

/// Which nc there is. The scripts work with any, and without.
pub(super) fn nc() -> Check {
    let Some((name, path)) = NCS.into_iter().find_map(|name| Some((name, find(name)?))) else {
        return Check::ok("nc", "none: the scripts use bash's own /dev/tcp");
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
            return Check::warn(
                "nc",
                format!("{name} is of a kind that the scripts are not tested with"),
                "if it opens no connections: scripts/flood.sh --nc none",
            );
        }
    };
    Check::ok("nc", format!("{name}, {whose}"))
}

/// What the scripts call of coreutils, which a very small system may lack.
pub(super) fn shell_tools() -> Check {
    let all = ["cat", "date", "mkfifo"];
    let missing: Vec<_> = all.into_iter().filter(|tool| find(tool).is_none()).collect();
    match &missing[..] {
        [] => Check::ok("shell tools", all.join(", ")),
        _ => Check::fail(
            "shell tools",
            format!("not installed, and the scripts need it: {}", missing.join(", ")),
            install("coreutils"),
        ),
    }
}

/// What single commands of the lessons call.
pub(super) fn lesson_tools() -> Check {
    // macOS has no ss; the lesson names what it has instead
    let needed = TOOLS.iter().filter(|tool| cfg!(target_os = "linux") || tool.name != "ss");
    let (missing, found): (Vec<_>, Vec<_>) = needed.partition(|tool| tool.is_missing());
    if missing.is_empty() {
        let names: Vec<_> = found.iter().map(|tool| tool.name).collect();
        return Check::ok("lesson tools", names.join(", "));
    }
    let uses: Vec<_> =
        missing.iter().map(|tool| format!("{} ({})", tool.name, tool.used_by)).collect();
    let packages: Vec<_> = missing.iter().map(|tool| tool.package).collect();
    Check::warn(
        "lesson tools",
        format!("not installed: {}", uses.join(", ")),
        install(&packages.join(" ")),
    )
}

/// Python, for a bridge.
pub(super) fn python() -> Check {
    match ask("python3", &["--version"]).filter(|version| version.status.success()) {
        Some(version) => Check::ok("python3", first_line(&version.stdout).replace("Python ", "")),
        None => Check::warn(
            "python3",
            "not installed: only bridges/echo.py needs it",
            install("python3"),
        ),
    }
}

/// The NATS server that stage 7 needs: 2.12 or later, since older ones lose acknowledged events.
pub fn nats_server() -> Check {
    nats_server_of(ask("nats-server", &["--version"]).map(|asked| first_line(&asked.stdout)))
}

/// What the version that it prints means, or that there is none.
pub fn nats_server_of(printed: Option<String>) -> Check {
    let install = if cfg!(target_os = "macos") {
        "brew install nats-server"
    } else {
        "a release of github.com/nats-io/nats-server, in a folder of PATH"
    };
    let Some(printed) = printed else {
        return Check::ok("nats-server", format!("none: only stage 7 needs it ({install})"));
    };
    let version = printed.rsplit('v').next().unwrap_or_default();
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    if (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (2, 12) {
        let what = format!("{version} loses events that it has acknowledged; stage 7 needs 2.12");
        return Check::warn("nats-server", what, install);
    }
    Check::ok("nats-server", version)
}

/// The width at which `compare` prints its table side by side.
const WIDE: usize = 128;

/// Whether the table of `compare` fits.
pub(super) fn terminal(columns: Option<usize>) -> Check {
    match columns {
        None => Check::ok("terminal", "none: the output is not shown in one"),
        Some(columns @ ..WIDE) => Check::warn(
            "terminal",
            format!(
                "{columns} columns, so compare lists the stages one below the other; side by side needs {WIDE}"
            ),
            "a wider window or a smaller font, or the page in a browser: cargo compare --open",
        ),
        Some(columns) => Check::ok("terminal", format!("{columns} columns")),
    }
}

/// What opens a page in the default browser.
pub const OPENER: &str = if cfg!(target_os = "macos") {
    "open"
} else if cfg!(windows) {
    "explorer"
} else {
    "xdg-open"
};

/// What `compare --open` calls.
pub(super) fn browser() -> Check {
    match find(OPENER) {
        Some(_) => Check::ok("browser", OPENER),
        None => Check::warn(
            "browser",
            format!("{OPENER} is not installed, so compare --open cannot open a page"),
            "open target/compare/index.html yourself",
        ),
    }
}
