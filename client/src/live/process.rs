//! The process of a column: started on a port, signalled, killed, started again on the same port.

use super::lock;
use anyhow::bail;
use probe::server::Server;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard};

/// A stage as a process. It ends when this is dropped, and when this process ends.
pub(super) struct Process {
    binary: PathBuf,
    options: Vec<String>,
    addr: SocketAddr,
    state: Mutex<State>,
}

enum State {
    Running(Server),
    Paused(Server),
    /// Its port is not open yet.
    Starting,
    /// Why.
    Ended(String),
}

/// What is known of a process.
pub(super) struct Seen {
    pub(super) pid: Option<u32>,
    pub(super) is_paused: bool,
    pub(super) is_starting: bool,
    /// How it ended, if it has.
    pub(super) ended: Option<String>,
}

impl Process {
    /// Waits until it listens, so it needs a thread where it may block.
    pub(super) fn start(binary: PathBuf, options: Vec<String>) -> anyhow::Result<Self> {
        let any = SocketAddr::from(([127, 0, 0, 1], 0));
        let server = start(&binary, &options, any)?;
        let addr = server.addr();
        Ok(Self { binary, options, addr, state: Mutex::new(State::Running(server)) })
    }

    pub(super) fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Looks whether it has ended.
    pub(super) fn look(&self) -> Seen {
        let mut state = self.lock();
        let is_paused = matches!(*state, State::Paused(_));
        if let State::Running(server) | State::Paused(server) = &mut *state {
            match server.exit_status() {
                None => {
                    let pid = Some(server.pid());
                    return Seen { pid, is_paused, is_starting: false, ended: None };
                }
                Some(status) => *state = State::Ended(format!("ended: {status}")),
            }
        }
        let ended = match &*state {
            State::Ended(why) => Some(why.clone()),
            _ => None,
        };
        Seen { pid: None, is_paused: false, is_starting: ended.is_none(), ended }
    }

    /// SIGSTOP or SIGCONT. Whatever ends this process, a stopped one is killed, too.
    pub(super) fn pause(&self, paused: bool) -> anyhow::Result<()> {
        let mut state = self.lock();
        match std::mem::replace(&mut *state, State::Ended(String::new())) {
            other @ (State::Ended(_) | State::Starting) => {
                *state = other;
                bail!("its process does not run; restart it")
            }
            State::Running(server) => {
                let sent = if paused { server.signal("STOP") } else { Ok(()) };
                let is_paused = paused && sent.is_ok();
                *state = if is_paused { State::Paused(server) } else { State::Running(server) };
                sent
            }
            State::Paused(server) => {
                let sent = if paused { Ok(()) } else { server.signal("CONT") };
                let is_paused = paused || sent.is_err();
                *state = if is_paused { State::Paused(server) } else { State::Running(server) };
                sent
            }
        }
    }

    /// Asks it to end. One that is paused would not hear it until it goes on.
    pub(super) fn terminate(&self) -> anyhow::Result<()> {
        match &*self.lock() {
            State::Running(server) => server.signal("TERM"),
            State::Paused(server) => {
                server.signal("TERM")?;
                bail!("a paused process hears SIGTERM once it goes on: press Continue")
            }
            State::Ended(_) | State::Starting => bail!("its process does not run; restart it"),
        }
    }

    /// Kills it at once.
    pub(super) fn kill(&self) -> anyhow::Result<()> {
        let mut state = self.lock();
        if let State::Ended(_) | State::Starting = *state {
            bail!("its process does not run; restart it");
        }
        *state = State::Ended("killed: nothing that it had in memory is left".into());
        Ok(())
    }

    /// Kills it if it runs, and starts it again on the same port.
    pub(super) fn restart(&self) -> anyhow::Result<()> {
        let former = std::mem::replace(&mut *self.lock(), State::Starting);
        if let State::Starting = former {
            bail!("it is being started already");
        }
        drop(former); // frees the port
        // not under the lock: everyone who looks would wait
        let started = start(&self.binary, &self.options, self.addr);
        let mut state = self.lock();
        match started {
            Ok(server) => *state = State::Running(server),
            Err(error) => {
                *state = State::Ended(format!("{error:#}"));
                return Err(error);
            }
        }
        Ok(())
    }

    /// A panic while it is held leaves one of the states.
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }
}

fn start(binary: &PathBuf, options: &[String], addr: SocketAddr) -> anyhow::Result<Server> {
    let mut command = Command::new(binary);
    command.args(options).env("RUST_LOG", "off").stderr(Stdio::null());
    Server::start_at(command, addr)
}
