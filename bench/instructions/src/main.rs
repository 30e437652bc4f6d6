//! How many instructions the decoder and the encoder take for a message, counted by callgrind: the same figures on every
//! run, however busy the machine, so that a step back is seen at once.

use anyhow::{Context, Result, bail};
use http1::{Decoded, Decoder, KeepAlive, Request, Response, StatusCode, encode_response};
use std::collections::BTreeMap;
use std::fmt::Write;
use std::hint::black_box;
use std::path::PathBuf;
use std::process::Command;

/// So much more than the stored figure is a step back.
const TOLERANCE: f64 = 0.03;

/// As wrk sends it.
const GET: &str = "GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n";

/// As curl sends it.
const EVENT: &str = "POST /events HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\
    content-type: application/json\r\nContent-Length: 31\r\n\r\n{\"user\": \"alice\", \"amount\": 5}\n";

/// As a browser sends it.
const PAGE: &str = "GET /balances?now HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nConnection: keep-alive\r\n\
    sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\nsec-ch-ua-mobile: ?0\r\nsec-ch-ua-platform: \"Linux\"\r\n\
    Upgrade-Insecure-Requests: 1\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko)\r\n\
    Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n\
    Sec-Fetch-Site: none\r\nSec-Fetch-Mode: navigate\r\nAccept-Encoding: gzip, deflate\r\nAccept-Language: en-GB\r\n\r\n";

const CASES: [&str; 6] =
    ["decode get", "decode event", "decode page", "encode text", "encode event", "encode problem"];

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    match args.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] => check(false),
        ["--update"] => check(true),
        [case, times] => work(case, times.parse()?),
        _ => bail!("usage: instructions [--update]"),
    }
}

/// Does the work so many times: this is what runs under callgrind.
fn work(case: &str, times: usize) -> Result<()> {
    let event = r#"{"user":"alice","amount":5}"#;
    match case {
        "decode get" => decode(GET, times),
        "decode event" => decode(EVENT, times),
        "decode page" => decode(PAGE, times),
        "encode text" => encode(times, || Response::text("hello".into())),
        "encode event" => encode(times, || Response::text(event.into())),
        "encode problem" => {
            encode(times, || Response::problem(StatusCode::NOT_FOUND, "there is only /events here"))
        }
        _ => bail!("no such case: {case}"),
    }
}

fn decode(message: &str, times: usize) -> Result<()> {
    let mut decoder = Decoder::<Request>::new();
    for _ in 0..times {
        decoder.push(black_box(message.as_bytes()));
        match decoder.decode()? {
            Decoded::Complete(request) => drop(black_box(request)),
            other => bail!("no whole request: {other:?}"),
        }
    }
    Ok(())
}

fn encode(times: usize, response: impl Fn() -> Response) -> Result<()> {
    for _ in 0..times {
        let response = response();
        let mut out = Vec::with_capacity(256);
        encode_response(black_box(&response), KeepAlive::Implied, &mut out);
        out.extend_from_slice(response.body());
        drop(black_box(out));
    }
    Ok(())
}

/// Counts, prints, and compares with what is stored; or stores it.
fn check(update: bool) -> Result<()> {
    let stored_in = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("counts.txt");
    let machine = machine()?;
    let stored = std::fs::read_to_string(&stored_in).unwrap_or_default();
    let (counted_by, lines) = stored.split_once('\n').unwrap_or_default();
    let known: BTreeMap<&str, f64> = lines
        .lines()
        .filter_map(|line| line.rsplit_once(' '))
        .filter_map(|(case, n)| Some((case, n.parse().ok()?)))
        .collect();
    let mut counted = format!("{machine}\n");
    let mut more = false;
    for case in CASES {
        let count = count(case)?;
        writeln!(counted, "{case} {count}")?;
        let was = known.get(case).copied();
        let by = was.map_or(0.0, |was| count as f64 / was - 1.0);
        println!(
            "{case:<16}{count:>8} instructions{}",
            if was.is_some() { format!(" {:>+7.1} %", by * 100.0) } else { String::new() }
        );
        more |= by > TOLERANCE;
    }
    if update {
        std::fs::write(&stored_in, counted)?;
        println!("stored in {}", stored_in.display());
    } else if counted_by != machine {
        println!("not compared: what is stored was counted by {counted_by:?}, this by {machine:?}");
    } else if more {
        bail!(
            "more than {:.0} % above what is stored. If that is meant, store it, and say in the commit why:\n  \
             cargo run --release --manifest-path bench/Cargo.toml -p instructions -- --update",
            TOLERANCE * 100.0
        );
    }
    Ok(())
}

/// What the figures depend on beside the code: the compiler, the processor and the C library.
fn machine() -> Result<String> {
    let said = |command: &str, arg: &str| {
        let output = Command::new(command)
            .arg(arg)
            .output()
            .with_context(|| format!("{command} is not on the PATH"));
        output.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    #[cfg(target_arch = "x86_64")]
    let vectors = if std::arch::is_x86_feature_detected!("avx2") { " with avx2" } else { "" };
    #[cfg(not(target_arch = "x86_64"))]
    let vectors = "";
    let libc = said("getconf", "GNU_LIBC_VERSION").unwrap_or_default();
    Ok(format!("{}, {}{vectors}, {libc}", said("rustc", "--version")?, std::env::consts::ARCH))
}

/// Instructions for one message: the difference of two runs, so that starting up does not count.
fn count(case: &str) -> Result<u64> {
    let [few, many] = [1_000, 2_000].map(|times| total(case, times));
    Ok((many? - few?) / 1_000)
}

fn total(case: &str, times: usize) -> Result<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(std::env::current_exe()?)
        .args([case, &times.to_string()])
        .output()
        .context("valgrind is not on the PATH; install it")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let collected = said
        .lines()
        .find_map(|line| line.split_once("Collected : "))
        .map(|(_, number)| number.trim());
    collected
        .and_then(|number| number.parse().ok())
        .with_context(|| format!("callgrind counted nothing:\n{said}"))
}
