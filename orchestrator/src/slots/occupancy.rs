//! Seats: one lock file for each trial that a GPU can take, so that its trials can be counted by
//! everybody. What the holder of a record asked for stands in the file, for those who come next.

use std::fs::File;
use std::io::{self, Read, Seek, Write};

use experiments::schema::resources::{Memory, Resources};
use serde::{Deserialize, Serialize};

/// What stands in a record's file. Whether the record is taken is for its lock alone to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct SlotRecord {
    /// Trials that its holder allows on the GPU.
    #[serde(default)]
    per_gpu: Option<u32>,
    /// Memory that its holder asked for.
    #[serde(default)]
    memory: Option<Memory>,
    /// Memory that was in use before the first of our trials came.
    #[serde(default)]
    used_before: Memory,
    /// When somebody first saw that its holder has ended.
    #[serde(default)]
    left_ms: Option<i64>,
}

/// What a GPU's records say together.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Occupancy {
    /// Seats that are taken.
    pub trials: usize,
    /// The smallest number of trials that a holder allows.
    pub cap: Option<u32>,
    /// All memory that holders asked for.
    pub promised: Memory,
    /// Memory that was in use before the first of our trials came, these or the last ones.
    pub used_before: Memory,
    /// When the last holder was seen to have ended.
    pub left_ms: Option<i64>,
}

impl SlotRecord {
    /// The record of a trial that is given what it `wanted` on a GPU.
    pub(super) fn new(wanted: &Resources, used_before: Memory) -> Self {
        Self { per_gpu: wanted.per_gpu, memory: wanted.memory, used_before, left_ms: None }
    }

    /// What stands in `file`; nothing if it is new or was torn.
    pub(super) fn read(mut file: &File) -> io::Result<Option<Self>> {
        let mut text = Vec::new();
        file.rewind()?;
        file.read_to_end(&mut text)?;
        Ok(serde_json::from_slice(&text).ok())
    }

    /// Replaces what stands in `file`.
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

    /// Counts a record that is free, `file`, which once was taken; its end is noted if nobody has.
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
