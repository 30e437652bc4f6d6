//! The buttons: what each is called, what it says, and what it does.

use super::attacks::LONGEST;
use super::column::MOST;
use super::guard::Role;
use super::running::{Attack, FASTEST};
use claims::in_powershell;
use probe::hold::Misbehaviour;
use serde_json::{Value, json};

/// What a button does to each server that it is pressed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Effect {
    Attack(Attack),
    /// Sets the rate of a steady load; 0 ends it.
    Rate,
    Retries,
    Stop,
    Process(Change),
    /// Ends everything, and starts what was started here again.
    Calm,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    Pause,
    Continue,
    Terminate,
    Kill,
    Restart,
}

/// A button.
pub(super) struct Action {
    /// What the page sends.
    pub(super) name: &'static str,
    /// What stands on it.
    label: &'static str,
    /// What it does, in a sentence.
    tip: &'static str,
    /// The same by hand; `{addr}`, `{pid}`, `{stage}` and `{rate}` stand for those of a server.
    command: &'static str,
    pub(super) effect: Effect,
}

const fn action(
    name: &'static str,
    label: &'static str,
    effect: Effect,
    tip: &'static str,
    command: &'static str,
) -> Action {
    Action { name, label, tip, command, effect }
}

impl Action {
    /// The same by hand, in the shell of this system.
    pub(super) fn command(&self) -> String {
        let in_powershell = if cfg!(windows) { in_powershell(self.command) } else { None };
        in_powershell.unwrap_or_else(|| self.command.into())
    }
}

/// All buttons, in their order.
const ACTIONS: [Action; 15] = [
    action(
        "silent",
        "Silent client",
        Effect::Attack(Attack::Hold(Misbehaviour::Silent)),
        "Opens one connection and sends nothing",
        "cargo client hold -n 1 {addr}",
    ),
    action(
        "half",
        "Half a request",
        Effect::Attack(Attack::Hold(Misbehaviour::HalfBody)),
        "Sends a head and half of the announced body, and stops",
        "cargo client hold -n 1 --as half-body {addr}",
    ),
    action(
        "drip",
        "A byte a second",
        Effect::Attack(Attack::Hold(Misbehaviour::Drip)),
        "Sends a complete request, one byte a second",
        "cargo client hold -n 1 --as drip {addr}",
    ),
    action(
        "garbage",
        "Garbage",
        Effect::Attack(Attack::Garbage),
        "Sends twelve requests that are not events; a good server rejects each with a 4xx",
        "curl -i -d '[\"alice\", 5]' -H 'content-type: application/json' http://{addr}/events",
    ),
    action(
        "ten",
        "Ten events",
        Effect::Attack(Attack::Burst(10)),
        "Sends ten valid events at the same time",
        "cargo client load --burst -n 10 -c 10 --event {addr}/events",
    ),
    action(
        "burst",
        "Burst of 100",
        Effect::Attack(Attack::Burst(100)),
        "Sends a hundred valid events at the same time",
        "cargo client load --burst -n 100 -c 100 --event {addr}/events",
    ),
    action(
        "steady",
        "Steady load",
        Effect::Rate,
        "Sends events at this rate, whatever happens to them, for two minutes at most",
        "cargo client load -q {rate} -z 2m -c 200 --event {addr}/events",
    ),
    action(
        "retry",
        "Retry after 503",
        Effect::Retries,
        "From now on, an event that gets 503 is sent again, three times at most, no earlier than the server asks for",
        "cargo client load --retry -q {rate} -z 2m -c 200 --event {addr}/events",
    ),
    action(
        "stop",
        "Stop attacks",
        Effect::Stop,
        "Ends every attack, with its connections and its requests in flight",
        "Ctrl-C in the terminal of the attack",
    ),
    action(
        "pause",
        "Pause",
        Effect::Process(Change::Pause),
        "Stops the process where it is: the kernel still completes connections for it",
        "kill -STOP {pid}",
    ),
    action(
        "continue",
        "Continue",
        Effect::Process(Change::Continue),
        "Lets a paused process go on",
        "kill -CONT {pid}",
    ),
    action(
        "term",
        "SIGTERM",
        Effect::Process(Change::Terminate),
        "Asks the process to end: a good server finishes what it has accepted",
        "kill -TERM {pid}",
    ),
    action(
        "kill",
        "kill -9",
        Effect::Process(Change::Kill),
        "Ends the process at once: what it had in memory is lost",
        if cfg!(windows) { "taskkill /F /PID {pid}" } else { "kill -KILL {pid}" },
    ),
    action(
        "restart",
        "Restart",
        Effect::Process(Change::Restart),
        "Kills the process if it runs, and starts it again on the same port",
        "cargo stage{stage} --addr {addr}",
    ),
    action(
        "calm",
        "All as it was",
        Effect::Calm,
        "Ends every attack and starts each server again",
        "Ctrl-C in each terminal, and start each server again",
    ),
];

/// What the page needs to know of the buttons.
pub(super) fn to_json() -> Value {
    let button = |action: &Action| {
        let group = match action.effect {
            Effect::Process(_) | Effect::Calm => "process",
            Effect::Attack(Attack::Hold(_)) => "hold",
            Effect::Attack(_) => "send",
            Effect::Rate => "steady",
            Effect::Retries => "retry",
            Effect::Stop => "stop",
        };
        // Windows has no signals; it can end a process
        let needs_signals = matches!(
            action.effect,
            Effect::Process(Change::Pause | Change::Continue | Change::Terminate)
        );
        json!({
            "name": action.name,
            "label": action.label,
            "tip": action.tip,
            "command": action.command(),
            "group": group,
            "works": cfg!(unix) || !needs_signals,
        })
    };
    ACTIONS.iter().map(button).collect()
}

/// What a browser asks for, as the page sends it.
#[derive(Clone)]
pub(super) struct Wanted {
    pub(super) action: &'static Action,
    /// Which servers of the room: in their order, and each once.
    pub(super) indexes: Vec<usize>,
    pub(super) rate: u32,
    pub(super) on: bool,
    /// Whether the room votes first.
    pub(super) asks: bool,
}

impl Wanted {
    /// `{"action": "steady", "columns": [0, 4], "rate": 8, "on": true, "ask": true}`; the last three
    /// where they are needed. Only an attack may ask. The room has so many servers.
    pub(super) fn parse(body: &[u8], servers: usize) -> Option<Self> {
        let body: Value = serde_json::from_slice(body).ok()?;
        let name = body["action"].as_str()?;
        let action = ACTIONS.iter().find(|action| action.name == name)?;
        let column = |index: &Value| {
            let index = usize::try_from(index.as_u64()?).ok()?;
            (index < servers).then_some(index)
        };
        let indexes = body["columns"].as_array().filter(|all| all.len() <= servers)?;
        let mut indexes = indexes.iter().map(column).collect::<Option<Vec<_>>>()?;
        indexes.sort_unstable();
        indexes.dedup();
        let rate = match &body["rate"] {
            Value::Null => 0,
            rate => u32::try_from(rate.as_u64()?).ok().filter(|rate| *rate <= FASTEST)?,
        };
        let on = body["on"].as_bool().unwrap_or(false);
        let asks = body["ask"].as_bool().unwrap_or(false);
        let wanted = Self { action, indexes, rate, on, asks };
        let is_valid = !wanted.indexes.is_empty() && (wanted.sends() || !asks);
        is_valid.then_some(wanted)
    }

    /// Visitors may attack if that was allowed, and never touch a process, nor ask the room.
    pub(super) fn is_allowed(&self, role: Role, visitors_attack: bool) -> bool {
        let is_process = matches!(self.action.effect, Effect::Process(_) | Effect::Calm);
        role == Role::Host || visitors_attack && !is_process && !self.asks
    }

    /// Whether it begins to send something to the servers.
    pub(super) fn sends(&self) -> bool {
        match self.action.effect {
            Effect::Attack(_) => true,
            Effect::Rate => self.rate > 0,
            Effect::Retries | Effect::Stop | Effect::Process(_) | Effect::Calm => false,
        }
    }

    /// What it is, as the page calls it.
    pub(super) fn label(&self) -> String {
        let detail = match self.action.effect {
            Effect::Rate => format!(", {} a second", self.rate),
            Effect::Retries => if self.on { ": on" } else { ": off" }.into(),
            _ => String::new(),
        };
        format!("{}{detail}", self.action.label)
    }
}

/// The bounds of every attack, in a sentence.
pub(super) fn bounds() -> String {
    format!(
        "Each attack ends after {}; at most {MOST} requests are in flight to a server.",
        probe::duration::show(LONGEST)
    )
}
