//! One metric's points of one trial, which may be more than memory should hold: a long series is
//! spilled to an unnamed temporary file and read back in chunks whenever it is needed.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Points per read; a series of at most this many stays in memory.
const CHUNK: usize = 1024;
/// Bytes of a point in the temporary file.
const SIZE: usize = 24;

/// A metric's value at one training step of one trial.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sample {
    /// Training step, counted by the worker.
    pub step: u64,
    /// Value; NaN where none was recorded as a number.
    pub value: f64,
    /// Seconds of work up to here; NaN where they are not known.
    pub seconds: f64,
}

/// Points without an item, steps rising.
#[derive(Debug, Clone, Default)]
pub struct Series {
    storage: Storage,
    last: Option<Sample>,
}

#[derive(Debug, Clone)]
enum Storage {
    Memory(Arc<[Sample]>),
    File { file: Arc<File>, start: u64, count: usize },
}

impl Default for Storage {
    fn default() -> Self {
        Self::Memory(Arc::new([]))
    }
}

impl Series {
    /// A series held in memory; [`Spool::put`] makes one that may be spilled to disk.
    pub fn new(samples: &[Sample]) -> Self {
        Self { storage: Storage::Memory(samples.into()), last: samples.last().copied() }
    }

    /// The point of the highest step; None for an empty series.
    pub(crate) fn last(&self) -> Option<Sample> {
        self.last
    }

    /// Every point, by rising step. An error ends the iteration.
    pub(crate) fn samples(&self) -> Samples<'_> {
        Samples { series: self, next: 0, chunk: Vec::new() }
    }
}

/// The temporary file that long series are spilled to.
#[derive(Debug)]
pub struct Spool {
    folder: PathBuf,
    file: Option<Arc<File>>,
    end: u64,
}

impl Spool {
    /// Creates a spool. Its file is made in `folder` by the first long series, has no name, and is
    /// freed when the last series in it is dropped.
    pub fn new(folder: &Path) -> Self {
        Self { folder: folder.to_owned(), file: None, end: 0 }
    }

    /// Stores points, steps rising, as a series; more than 1,024 are spilled to disk as they come.
    /// `spool_error` makes an error of one of the file.
    pub fn put<E>(
        &mut self,
        samples: impl IntoIterator<Item = Result<Sample, E>>,
        spool_error: impl Fn(io::Error) -> E,
    ) -> Result<Series, E> {
        let mut samples = samples.into_iter().peekable();
        let mut chunk: Vec<Sample> = samples.by_ref().take(CHUNK).collect::<Result<_, _>>()?;
        if samples.peek().is_none() {
            return Ok(Series::new(&chunk));
        }
        let file = self.file().map_err(&spool_error)?;
        let (start, mut count, mut last, mut bytes) = (self.end, 0, None, Vec::new());
        while !chunk.is_empty() {
            bytes.clear();
            bytes.extend(chunk.iter().copied().flat_map(Sample::to_bytes));
            (&*file).write_all(&bytes).map_err(&spool_error)?;
            self.end += bytes.len() as u64;
            (count, last) = (count + chunk.len(), chunk.last().copied());
            chunk.clear();
            for sample in samples.by_ref().take(CHUNK) {
                chunk.push(sample?);
            }
        }
        Ok(Series { storage: Storage::File { file, start, count }, last })
    }

    /// The file, made if it is missing.
    fn file(&mut self) -> io::Result<Arc<File>> {
        if self.file.is_none() {
            fs_err::create_dir_all(&self.folder)?;
            self.file = Some(Arc::new(tempfile::tempfile_in(&self.folder)?));
        }
        Ok(Arc::clone(self.file.as_ref().expect("it was just made")))
    }
}

impl Sample {
    fn to_bytes(self) -> [u8; SIZE] {
        let words = [self.step, self.value.to_bits(), self.seconds.to_bits()];
        let mut bytes = [0; SIZE];
        for (slot, word) in bytes.chunks_exact_mut(8).zip(words) {
            slot.copy_from_slice(&word.to_le_bytes());
        }
        bytes
    }

    fn from_bytes(bytes: &[u8]) -> Self {
        let (words, _) = bytes.as_chunks::<8>();
        let word = |i: usize| u64::from_le_bytes(words[i]);
        Self { step: word(0), value: f64::from_bits(word(1)), seconds: f64::from_bits(word(2)) }
    }
}

/// Iterator over the points of a [`Series`].
#[derive(Debug)]
pub(crate) struct Samples<'a> {
    series: &'a Series,
    next: usize,
    /// The points last read from the file; index `next % CHUNK` is the next one.
    chunk: Vec<Sample>,
}

impl Iterator for Samples<'_> {
    type Item = io::Result<Sample>;

    fn next(&mut self) -> Option<Self::Item> {
        let (file, start, count) = match &self.series.storage {
            Storage::Memory(samples) => {
                let sample = samples.get(self.next)?;
                self.next += 1;
                return Some(Ok(*sample));
            }
            Storage::File { file, start, count } => (file, start, *count),
        };
        if self.next >= count {
            return None;
        }
        let within = self.next % CHUNK;
        if within == 0 {
            let mut bytes = vec![0; CHUNK.min(count - self.next) * SIZE];
            let at = start + (self.next * SIZE) as u64;
            if let Err(error) = file.read_exact_at(&mut bytes, at) {
                self.next = count;
                return Some(Err(error));
            }
            self.chunk.clear();
            self.chunk.extend(bytes.chunks_exact(SIZE).map(Sample::from_bytes));
        }
        self.next += 1;
        Some(Ok(self.chunk[within]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Points that differ in every word, some of them not numbers.
    fn samples(count: usize, salt: u64) -> Vec<Sample> {
        let sample = |i: u64| Sample {
            step: i * 3 + salt,
            value: f64::from_bits((i + salt).wrapping_mul(0x9e37_79b9_7f4a_7c15)),
            seconds: if i.is_multiple_of(7) { f64::NAN } else { i as f64 / 3.0 },
        };
        (0..count as u64).map(sample).collect()
    }

    fn put(spool: &mut Spool, samples: &[Sample]) -> Series {
        spool.put(samples.iter().copied().map(Ok), |error| error).unwrap()
    }

    fn bits(samples: impl IntoIterator<Item = Sample>) -> Vec<[u8; SIZE]> {
        samples.into_iter().map(Sample::to_bytes).collect()
    }

    #[test]
    fn spilled_points_are_read_back_bit_by_bit_and_as_often_as_needed() {
        let folder = tempfile::tempdir().unwrap();
        let mut spool = Spool::new(folder.path());
        let counts = [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK - 1];
        let written: Vec<_> = counts.iter().map(|&n| samples(n, n as u64)).collect();
        let series: Vec<_> = written.iter().map(|samples| put(&mut spool, samples)).collect();
        for (series, written) in series.iter().zip(&written) {
            for _ in 0..2 {
                let read: io::Result<Vec<_>> = series.samples().collect();
                assert_eq!(bits(read.unwrap()), bits(written.iter().copied()));
            }
            assert_eq!(bits(series.last()), bits(written.last().copied()));
        }
        // In step, as the seeds of a line are read.
        for ((a, b), i) in series[3].samples().zip(series[5].samples()).zip(0..) {
            assert_eq!(bits([a.unwrap(), b.unwrap()]), bits([written[3][i], written[5][i]]));
        }
        assert_eq!(fs_err::read_dir(folder.path()).unwrap().count(), 0, "the file has no name");
    }
}
