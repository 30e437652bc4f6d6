//! The processes of this machine, to see what a program leaves behind.

use std::fs;
use std::path::Path;
use std::process::Command;

/// A process that runs; zombies do not count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    /// Its number.
    pub id: u32,
    /// The number of the process that started it, or that adopted it.
    pub parent: u32,
    /// The number of its process group.
    pub group: u32,
    /// Its command line.
    pub args: String,
}

/// All of them, from /proc, since not every Linux has ps; elsewhere from ps.
pub fn processes() -> Vec<Process> {
    if Path::new("/proc/self/stat").exists() {
        let entries = fs::read_dir("/proc").expect("it is there").flatten();
        return entries.filter_map(|entry| from_proc(&entry.path())).collect();
    }
    let columns = ["pid=", "ppid=", "pgid=", "stat=", "args="].map(|column| ["-o", column]);
    let list = Command::new("ps").arg("-A").args(columns.concat()).output().expect("ps runs");
    String::from_utf8_lossy(&list.stdout).lines().filter_map(from_ps).collect()
}

/// A process by its folder in /proc; `None` if it has ended, or is none.
fn from_proc(folder: &Path) -> Option<Process> {
    let id = folder.file_name()?.to_str()?.parse().ok()?;
    let stat = fs::read_to_string(folder.join("stat")).ok()?;
    // the name before the last parenthesis may contain anything; then state, parent and group
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let state = fields.next()?;
    let (parent, group) = (fields.next()?.parse().ok()?, fields.next()?.parse().ok()?);
    let args = String::from_utf8_lossy(&fs::read(folder.join("cmdline")).ok()?).replace('\0', " ");
    (state != "Z").then_some(Process { id, parent, group, args })
}

fn from_ps(line: &str) -> Option<Process> {
    let mut words = line.split_whitespace();
    let mut number = || words.next()?.parse().ok();
    let (id, parent, group) = (number()?, number()?, number()?);
    let state = words.next()?;
    let args = words.collect::<Vec<_>>().join(" ");
    (!state.starts_with('Z')).then_some(Process { id, parent, group, args })
}
