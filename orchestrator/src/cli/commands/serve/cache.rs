//! Data that is kept until the files that it was read from change, and that is read no more often than it
//! costs: however many pages are open, and however fast a run records, reading takes a small share of the time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;

use super::problem::Problem;
use super::stamp::Stamp;

/// Shortest time between two reads of the same.
const LEAST_REST: Duration = Duration::from_secs(1);

/// The rest after a read, as a multiple of the time that it took.
const REST: u32 = 15;

/// The longest rest.
const MOST_REST: Duration = Duration::from_mins(2);

/// Age at which data is read again that can change without any of its files.
const PERIOD: Duration = Duration::from_secs(10);

/// Data that are kept at once, of one kind.
const MOST: usize = 256;

/// The number of the next reading.
static GENERATION: AtomicU64 = AtomicU64::new(1);

/// The name of some data, and how they are read. Both methods may block.
pub(crate) trait Source: Clone + Eq + Hash + Send + Sync + 'static {
    /// The data.
    type Value: Send + Sync + 'static;
    /// The stamp of the files that it is read from.
    fn stamp(&self) -> Stamp;
    /// Reads it.
    fn read(&self) -> Result<Self::Value, Problem>;
    /// True if it may change although its files do not.
    fn changes_by_itself(value: &Self::Value) -> bool;
}

/// Data with the number of its reading.
pub(crate) struct Kept<T> {
    pub(super) value: T,
    /// Differs from that of any other data that this process has read.
    pub(super) generation: u64,
    stamp: Stamp,
    read_at: Instant,
    took: Duration,
}

/// Data of one kind.
pub(super) struct Cache<S: Source> {
    entries: Arc<Mutex<HashMap<S, Arc<Entry<S>>>>>,
    permits: Arc<Semaphore>,
}

struct Entry<S: Source> {
    /// Locked while it is read, so that all who wait for it get the same.
    reading: tokio::sync::Mutex<()>,
    kept: Mutex<Option<Arc<Kept<S::Value>>>>,
    used_at: Mutex<Instant>,
}

impl<S: Source> Cache<S> {
    /// An empty cache, of which as many are read at once as there are `permits`.
    pub(super) fn new(permits: &Arc<Semaphore>) -> Self {
        Self { entries: Arc::default(), permits: Arc::clone(permits) }
    }

    /// The data, read again if it has changed.
    pub(super) async fn get(&self, source: S) -> Result<Arc<Kept<S::Value>>, Problem> {
        self.start(&source).await.map_err(|_| Problem::Internal)?
    }

    /// The same, or what was read before if that takes longer than `limit`; `None` if there is none. It is
    /// read on nevertheless.
    pub(super) async fn get_within(
        &self,
        source: S,
        limit: Duration,
    ) -> Result<Option<Arc<Kept<S::Value>>>, Problem> {
        match tokio::time::timeout(limit, self.start(&source)).await {
            Ok(read) => read.map_err(|_| Problem::Internal)?.map(Some),
            Err(_) => Ok(self.entry(&source).last()),
        }
    }

    /// Reads in a task of its own, which goes on when its client has gone.
    fn start(&self, source: &S) -> tokio::task::JoinHandle<Result<Arc<Kept<S::Value>>, Problem>> {
        let (entry, permits) = (self.entry(source), Arc::clone(&self.permits));
        let (source, entries) = (source.clone(), Arc::clone(&self.entries));
        tokio::spawn(async move {
            let kept = entry.refresh(&source, permits).await;
            if kept.is_err() {
                locked(&entries).remove(&source);
            }
            kept
        })
    }

    fn entry(&self, source: &S) -> Arc<Entry<S>> {
        let mut entries = locked(&self.entries);
        if entries.len() >= MOST && !entries.contains_key(source) {
            let oldest = entries.iter().min_by_key(|(_, entry)| *locked(&entry.used_at));
            let oldest = oldest.map(|(source, _)| source.clone());
            oldest.and_then(|oldest| entries.remove(&oldest));
        }
        let entry = entries.entry(source.clone()).or_insert_with(|| {
            Arc::new(Entry {
                reading: tokio::sync::Mutex::default(),
                kept: Mutex::default(),
                used_at: Mutex::new(Instant::now()),
            })
        });
        *locked(&entry.used_at) = Instant::now();
        Arc::clone(entry)
    }
}

impl<S: Source> Entry<S> {
    fn last(&self) -> Option<Arc<Kept<S::Value>>> {
        locked(&self.kept).clone()
    }

    async fn refresh(
        &self,
        source: &S,
        permits: Arc<Semaphore>,
    ) -> Result<Arc<Kept<S::Value>>, Problem> {
        let _reading = self.reading.lock().await;
        let last = self.last();
        if let Some(last) = last.as_ref().filter(|last| last.rests()) {
            return Ok(Arc::clone(last));
        }
        let of = source.clone();
        // Before it is read: what is written meanwhile makes another stamp.
        let stamp = blocking(move || of.stamp()).await?;
        if let Some(last) = last.filter(|last| last.holds::<S>(&stamp)) {
            return Ok(last);
        }
        let permit = permits.acquire_owned().await.map_err(|_| Problem::Internal)?;
        let (of, started) = (source.clone(), Instant::now());
        let value = blocking(move || {
            let _permit = permit;
            of.read()
        });
        let value = value.await??;
        let generation = GENERATION.fetch_add(1, Ordering::Relaxed);
        let (read_at, took) = (Instant::now(), started.elapsed());
        let kept = Arc::new(Kept { value, generation, stamp, read_at, took });
        *locked(&self.kept) = Some(Arc::clone(&kept));
        Ok(kept)
    }
}

impl<T> Kept<T> {
    /// True while it is not to be read again, even if it has changed.
    fn rests(&self) -> bool {
        self.read_at.elapsed() < (self.took * REST).clamp(LEAST_REST, MOST_REST)
    }

    fn holds<S: Source<Value = T>>(&self, stamp: &Stamp) -> bool {
        let is_due = S::changes_by_itself(&self.value) && self.read_at.elapsed() >= PERIOD;
        self.stamp == *stamp && !is_due
    }
}

/// Runs `work`, which may block, beside the requests.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Problem> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Problem::Internal)
}

/// A panic of another task leaves nothing half-done here.
fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
