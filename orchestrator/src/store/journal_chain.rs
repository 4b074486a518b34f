//! The chain of the journal's lines: each has the checksum of the one before it (`after`) and ends in its
//! own (`sum`), so that a line that was damaged, lost, repeated or moved is told from one that a power
//! cut has torn while it was written.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use serde::Deserialize;
use serde_json::Value;

use super::journal_checksum::{checksum, for_each_line, split};
use super::journal_file::{Entry, Line, VERSION};

/// A position in the chain.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// The checksum that the last whole line states; empty before the first.
    pub(super) last: String,
    /// The first line since then that is not whole, and the reason.
    incomplete: Option<(u64, String)>,
}

/// A line of the journal as its reader takes it.
#[derive(Debug, PartialEq)]
pub(super) struct Link {
    /// The decision; `None` of a line that is damaged, repeated or torn.
    pub(super) line: Option<Line>,
    /// The damage that shows at this line: its number and the problem.
    pub(super) problem: Option<(u64, String)>,
}

impl Chain {
    /// The chain after a line that stated `last`.
    pub(super) fn after(last: String) -> Self {
        Self { last, incomplete: None }
    }

    /// Reads line `number`. `was_read` tells whether an earlier line stated a checksum. `Err` with the
    /// version of another format.
    pub(super) fn read(
        &mut self,
        number: u64,
        text: &str,
        was_read: impl FnOnce(&str) -> bool,
    ) -> Result<Link, u32> {
        let Some((body, stated)) = split(text) else {
            if let Some(version) = other_version(text) {
                return Err(version);
            }
            // Torn by a power cut, if the next line continues the one before.
            let reason = "is damaged or incomplete".to_owned();
            self.incomplete.get_or_insert((number, reason));
            return Ok(Link { line: None, problem: None });
        };
        let before = std::mem::replace(&mut self.last, stated.to_owned());
        let incomplete = self.incomplete.take();
        let is_intact = checksum(body) == stated;
        if let Some(version) = other_version(text).filter(|_| is_intact) {
            return Err(version);
        }
        let Some(line) = serde_json::from_str::<Line>(text).ok().filter(|_| is_intact) else {
            return Ok(Link { line: None, problem: Some((number, "is damaged".to_owned())) });
        };
        if line.after == before {
            return Ok(Link { line: Some(line), problem: None });
        }
        if was_read(stated) {
            let problem = "repeats an earlier line".to_owned();
            return Ok(Link { line: None, problem: Some((number, problem)) });
        }
        let missing =
            (number, "does not continue the line before it: lines are missing".to_owned());
        Ok(Link { line: Some(line), problem: Some(incomplete.unwrap_or(missing)) })
    }
}

/// True if a line before the byte `end` of the journal at `path` states `checksum`.
pub(super) fn states(path: &Path, end: u64, checksum: &str) -> io::Result<bool> {
    let mut found = false;
    for_each_line(path, end, |_, text| {
        found |= split(text).is_some_and(|(_, stated)| stated == checksum);
    })?;
    Ok(found)
}

/// The damage of the journal at `path` since it was last accepted, by line.
pub(super) fn damage(path: &Path) -> io::Result<BTreeMap<u64, String>> {
    let mut chain = Chain::default();
    let mut seen = BTreeSet::new();
    let mut damage = BTreeMap::new();
    for_each_line(path, u64::MAX, |number, text| {
        let link = chain.read(number, text, |stated| seen.contains(stated));
        seen.insert(chain.last.clone());
        // Another version is told where the line is applied.
        let Ok(Link { line, problem }) = link else { return };
        damage.extend(problem);
        if line.is_some_and(|line| matches!(line.entry, Entry::DamageAccepted { .. })) {
            damage.clear();
        }
    })?;
    // The last line: what a power cut has torn is the beginning of an object.
    if let Some((number, problem)) = chain.incomplete
        && line_is_whole(path, number)?
    {
        damage.insert(number, problem);
    }
    Ok(damage)
}

/// True if line `number` is not the beginning of an object, which a power cut would have left.
fn line_is_whole(path: &Path, wanted: u64) -> io::Result<bool> {
    let mut whole = false;
    for_each_line(path, u64::MAX, |number, text| {
        if number == wanted {
            let text = text.trim_end_matches('\0');
            let is_cut = |e: serde_json::Error| e.is_eof();
            whole = serde_json::from_str::<Value>(text).map_or_else(|e| !is_cut(e), |_| true);
        }
    })?;
    Ok(whole)
}

/// The version of a line that another version of this program wrote; 0 where it has none.
fn other_version(text: &str) -> Option<u32> {
    #[derive(Deserialize)]
    struct Versioned {
        #[serde(default)]
        version: u32,
    }
    let Ok(Versioned { version }) = serde_json::from_str(text) else { return None };
    (version != VERSION).then_some(version)
}

#[cfg(test)]
mod tests {
    use experiments::protocol::trial_id::TrialId;
    use proptest::prelude::*;

    use super::*;
    use crate::store::journal_checksum::with_checksum;
    use crate::store::journal_file::Journal;

    /// A journal of `count` decisions, and its lines.
    fn journal(count: usize) -> (tempfile::TempDir, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        for number in 0..count {
            // As by a supervisor each.
            let trial = TrialId(format!("a-s{number}-00000000"));
            Journal::open(&path)
                .unwrap()
                .append(Entry::AttemptsReset { trial, restarted: false })
                .unwrap();
        }
        let text = std::fs::read_to_string(&path).unwrap();
        (folder, text.lines().map(str::to_owned).collect())
    }

    fn damage_of(lines: &[String], folder: &tempfile::TempDir) -> Vec<u64> {
        let path = folder.path().join("journal.jsonl");
        let text: String = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
        std::fs::write(&path, text).unwrap();
        damage(&path).unwrap().into_keys().collect()
    }

    #[test]
    fn damage_is_told_from_a_write_that_a_power_cut_has_torn() {
        let (folder, lines) = journal(4);
        assert!(damage_of(&lines, &folder).is_empty());
        let mut missing = lines.clone();
        missing.remove(1);
        assert_eq!(damage_of(&missing, &folder), [2]);
        let mut repeated = lines.clone();
        repeated.insert(2, lines[1].clone());
        assert_eq!(damage_of(&repeated, &folder), [3]);
        // A decision that was not recorded whole did not take effect; the next one is in its place.
        for cut in 0..lines[1].len() {
            let mut torn = lines.clone();
            torn.insert(1, lines[1][..cut].to_owned());
            assert!(damage_of(&torn, &folder).is_empty(), "cut at {cut}");
            let last = [lines[0].clone(), lines[1][..cut].to_owned()];
            assert!(damage_of(&last, &folder).is_empty(), "cut at {cut}");
        }
        let mut zeros = lines;
        zeros.push("\0".repeat(40));
        assert!(damage_of(&zeros, &folder).is_empty());
    }

    #[test]
    fn accepted_damage_is_damage_no_more() {
        let (folder, mut lines) = journal(3);
        lines.remove(1);
        assert_eq!(damage_of(&lines, &folder), [2]);
        let path = folder.path().join("journal.jsonl");
        let accepted = Entry::DamageAccepted { files: BTreeMap::new() };
        Journal::open(&path).unwrap().append(accepted).unwrap();
        assert_eq!(damage(&path).unwrap(), BTreeMap::new());
    }

    #[test]
    fn another_version_is_told_from_damage() {
        let (_folder, lines) = journal(1);
        let read = |text: &str| Chain::default().read(1, text, |_| false);
        assert!(read(&lines[0]).unwrap().line.is_some());
        let other = lines[0].replace("\"version\":1", "\"version\":2");
        assert!(read(&other).unwrap().problem.is_some(), "its checksum is wrong");
        let body = split(&other).unwrap().0;
        assert_eq!(read(&with_checksum(&format!("{body}}}")).0), Err(2));
        assert_eq!(read(r#"{"time_ms":1,"entry":"forgiven","trial":"a"}"#), Err(0));
    }

    proptest! {
        #[test]
        fn any_other_byte_before_the_last_line_is_noticed(line in 0usize..2, at in any::<prop::sample::Index>(), byte: u8) {
            let (folder, mut lines) = journal(3);
            let mut bytes = lines[line].clone().into_bytes();
            let at = at.index(bytes.len());
            prop_assume!(bytes[at] != byte && byte != b'\n');
            bytes[at] = byte;
            lines[line] = String::from_utf8_lossy(&bytes).into_owned();
            prop_assert_ne!(damage_of(&lines, &folder), Vec::<u64>::new());
        }
    }
}
