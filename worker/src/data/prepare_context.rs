//! The surroundings of image preparation: a cache folder, threads, and a callback that receives
//! progress and may stop the work.

use std::ops::ControlFlow;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::thread;

use super::DataError;

/// Items that one thread takes at a time: enough to outweigh its start, few enough to stop soon.
const SHARE: usize = 16;

/// Cache folder, threads and progress callback of one preparation.
pub struct PrepareContext<'a> {
    cache: Option<PathBuf>,
    threads: usize,
    tick: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
}

impl<'a> PrepareContext<'a> {
    /// Files are kept in the folder `cache`; with none, only synthetic faces can be prepared. `threads`
    /// is at least 1. `tick` is called with the number of finished items and their total before each
    /// block of work.
    pub fn new(
        cache: Option<PathBuf>,
        threads: usize,
        tick: &'a mut dyn FnMut(usize, usize) -> ControlFlow<()>,
    ) -> Self {
        Self { cache, threads, tick }
    }

    /// The folder of the cache.
    pub(super) fn cache(&self) -> Result<&Path, DataError> {
        self.cache.as_deref().ok_or(DataError::NoCache)
    }

    /// Reports progress; [`DataError::Stopped`] if the callback asked for a stop.
    pub(super) fn tick(&mut self, done: usize, of: usize) -> Result<(), DataError> {
        match (self.tick)(done, of) {
            ControlFlow::Continue(()) => Ok(()),
            ControlFlow::Break(()) => Err(DataError::Stopped),
        }
    }

    /// Does `work` on every item, on all threads, and gives the results to `take`, in order.
    pub(super) fn each<T: Sync, R: Send>(
        &mut self,
        items: &[T],
        work: impl Fn(&T) -> Result<R, DataError> + Sync,
        mut take: impl FnMut(R) -> Result<(), DataError>,
    ) -> Result<(), DataError> {
        let work = &work;
        let mut done = 0;
        for block in items.chunks(SHARE * self.threads.max(1)) {
            self.tick(done, items.len())?;
            let parts: Vec<Result<Vec<R>, DataError>> = thread::scope(|scope| {
                let started: Vec<_> = block
                    .chunks(SHARE)
                    .map(|part| scope.spawn(move || part.iter().map(work).collect()))
                    .collect();
                started
                    .into_iter()
                    .map(|part| part.join().unwrap_or_else(|panic| resume_unwind(panic)))
                    .collect()
            });
            for part in parts {
                part?.into_iter().try_for_each(&mut take)?;
            }
            done += block.len();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_come_in_order_whatever_the_threads() {
        let items: Vec<usize> = (0..100).collect();
        for threads in [1, 3] {
            let (mut ticks, mut results) = (Vec::new(), Vec::new());
            let mut tick = |done, of| {
                ticks.push((done, of));
                ControlFlow::Continue(())
            };
            let mut context = PrepareContext::new(None, threads, &mut tick);
            let take = |result| {
                results.push(result);
                Ok(())
            };
            context.each(&items, |&i| Ok(2 * i), take).unwrap();
            assert_eq!(results, (0..200).step_by(2).collect::<Vec<_>>());
            assert_eq!(ticks[..2], [(0, 100), (16 * threads, 100)]);
        }
    }

    #[test]
    fn a_stop_ends_the_work_between_blocks() {
        let mut tick = |done, _| {
            if done < 32 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let mut taken = 0;
        let take = |()| {
            taken += 1;
            Ok(())
        };
        let stopped = PrepareContext::new(None, 2, &mut tick).each(&[(); 100], |()| Ok(()), take);
        assert!(matches!(stopped, Err(DataError::Stopped)));
        assert_eq!(taken, 32);
    }
}
