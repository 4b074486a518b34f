//! Thousands of files looked at on several threads.

use std::iter;
use std::thread;

/// Items of one thread, at least.
const SHARE: usize = 256;

/// Threads at once: enough for a local disk, and for the delays of a shared one.
const THREADS: usize = 8;

/// The results of `each` for the items, in their order. One thread takes fewer than a few hundred.
pub(crate) fn map<T: Sync, R: Send>(items: &[T], each: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let share = items.len().div_ceil(THREADS).max(SHARE);
    let Some((first, rest)) = items.split_at_checked(share) else {
        return items.iter().map(each).collect();
    };
    let each = |items: &[T]| items.iter().map(&each).collect::<Vec<R>>();
    let each = &each;
    thread::scope(|scope| {
        let others: Vec<_> = rest
            .chunks(share)
            .map(|items| {
                let thread = thread::Builder::new().spawn_scoped(scope, move || each(items));
                (items, thread.ok())
            })
            .collect();
        let others = others.into_iter().map(|(items, thread)| match thread {
            Some(thread) => thread.join().expect("nothing in it panics"),
            // The system may refuse another thread.
            None => each(items),
        });
        iter::once_with(|| each(first)).chain(others).flatten().collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_the_order_of_the_items() {
        for count in [0, 1, SHARE - 1, SHARE, SHARE + 1, THREADS * SHARE + 1] {
            let items: Vec<_> = (0..count).collect();
            let doubled: Vec<_> = items.iter().map(|item| item * 2).collect();
            assert_eq!(map(&items, |item| item * 2), doubled);
        }
    }
}
