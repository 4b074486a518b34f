//! GPU slot records: one lock file for each trial that a GPU can have, so that every supervisor can
//! count its trials. The file has what its trial asked for, for those who place the next one.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use experiments::schema::resources::{Memory, Resources};
use serde::{Deserialize, Serialize};

/// The content of a slot record's file. The record is taken while the file is locked, whatever its
/// content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SlotRecord {
    /// Largest number of trials that its trial allows on the GPU.
    #[serde(default)]
    per_gpu: Option<u32>,
    /// Memory that its trial asked for.
    #[serde(default)]
    memory: Option<Memory>,
    /// Memory that was in use before the first of our trials came.
    #[serde(default)]
    used_before: Memory,
    /// When a supervisor first found it free again.
    #[serde(default)]
    left_ms: Option<i64>,
}

/// The sum of a GPU's slot records.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Number of taken records.
    pub trials: usize,
    /// The smallest limit that one of these trials sets.
    pub cap: Option<u32>,
    /// All memory that these trials asked for.
    pub promised: Memory,
    /// Memory that was in use before the first of our trials came, these or the last ones.
    pub used_before: Memory,
    /// When the last record was found free again.
    pub left_ms: Option<i64>,
}

impl SlotRecord {
    /// The record of a trial that gets what it `wanted` on a GPU.
    pub(super) fn new(wanted: &Resources, used_before: Memory) -> Self {
        Self { per_gpu: wanted.per_gpu, memory: wanted.memory, used_before, left_ms: None }
    }

    /// The content of `file`; `None` if it is new or torn.
    pub(super) fn read(mut file: &File) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text).ok())
    }

    /// Replaces the content of `file`.
    pub(super) fn write(&self, mut file: &File) -> io::Result<()> {
        file.set_len(0)?;
        file.write_all(&serde_json::to_vec(self).expect("a record is plain data"))
    }
}

impl Occupancy {
    /// Counts a record that is taken.
    pub(super) fn add_taken(&mut self, record: Option<&SlotRecord>) {
        self.trials += 1;
        let Some(record) = record else { return };
        self.cap = [self.cap, record.per_gpu].into_iter().flatten().min();
        let memory = record.memory.unwrap_or_default();
        self.promised = Memory(self.promised.0.saturating_add(memory.0));
        self.used_before = record.used_before;
    }

    /// Counts a free record, `file`, that once was taken, and writes down when it was found free.
    pub(super) fn add_left(
        &mut self,
        file: &File,
        mut record: SlotRecord,
        now_ms: i64,
    ) -> io::Result<()> {
        if record.left_ms.is_none() {
            record.left_ms = Some(now_ms);
            record.write(file)?;
        }
        if record.left_ms > self.left_ms {
            self.left_ms = record.left_ms;
            if self.trials == 0 {
                self.used_before = record.used_before;
            }
        }
        Ok(())
    }
}
