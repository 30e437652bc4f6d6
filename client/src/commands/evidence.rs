//! The files that show what was sent and received for a claim that is not kept.

use super::print::complain;
use claims::{Claim, Finding, Verdict};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Writes a file for each claim that is not kept.
pub(super) struct EvidenceFiles<'a> {
    folder: &'a Path,
    stage: u8,
    addr: SocketAddr,
    /// Whether a file could not be written; that is said once.
    failed: bool,
}

impl<'a> EvidenceFiles<'a> {
    pub(super) fn new(folder: &'a Path, stage: u8, addr: SocketAddr) -> Self {
        Self { folder, stage, addr, failed: false }
    }

    /// Writes the evidence for this claim, if it is not kept, in place of that of an earlier check; its path.
    pub(super) fn write(&mut self, claim: &Claim, finding: &Finding) -> Option<String> {
        let path = self.folder.join(format!("{}.txt", claim.name));
        let Some(evidence) = finding.evidence.as_ref().filter(|_| finding.verdict != Verdict::Kept)
        else {
            let _ = fs::remove_file(path); // there may be none
            return None;
        };
        let Claim { name, sentence, .. } = claim;
        let text = format!(
            "{name}: {sentence}\nserver: {}\nchecked: {}\nfound: {}\nreproduce: {}\n\n{evidence}",
            self.addr,
            humantime::format_rfc3339_seconds(SystemTime::now()),
            finding.figure,
            claim.command_for(finding, self.stage, self.addr),
        );
        match self.save(&path, &text) {
            Ok(()) => Some(path.display().to_string()),
            Err(error) => {
                if !std::mem::replace(&mut self.failed, true) {
                    complain(&format!("no evidence is kept: {}: {error}", path.display()));
                }
                None
            }
        }
    }

    /// Whether a file could not be written.
    pub(super) fn failed(&self) -> bool {
        self.failed
    }

    fn save(&self, path: &PathBuf, text: &str) -> std::io::Result<()> {
        fs::create_dir_all(self.folder)?;
        fs::write(path, text)
    }
}
