//! The CPUs at work: a thread and a queue for each, and the order of jobs that concern one space.
//!
//! Jobs are handed out in the order of the log. Those of one space run in that order, whichever CPUs
//! they are for; those of different spaces may overlap. A job waits for earlier ones only, and each
//! queue is worked off in order, so the oldest unfinished job can always run.
use std::sync::mpsc::{sync_channel, Receiver, SyncSender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Jobs that may wait in the queue of one CPU.
const QUEUE: usize = 256;

/// A count that only grows, and that threads can wait for.
#[derive(Debug, Default)]
pub struct Turn {
    now: Mutex<u64>,
    moved: Condvar,
}

impl Turn {
    /// Waits until the count is at least `to`.
    pub fn wait(&self, to: u64) {
        let mut now = self.lock();
        while *now < to {
            now = self.moved.wait(now).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// The count.
    pub fn get(&self) -> u64 {
        *self.lock()
    }

    /// Adds one.
    pub fn advance(&self) {
        *self.lock() += 1;
        self.moved.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, u64> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Advances when it goes, also if the job panics: nobody waits for ever.
struct Advance<'a>(&'a Turn);

impl Drop for Advance<'_> {
    fn drop(&mut self) {
        self.0.advance();
    }
}

/// A piece of work for one CPU, in the order of `turn`.
pub struct Job<W> {
    /// The order it belongs to.
    pub turn: Arc<Turn>,
    /// Runs when `turn` has come to this.
    pub number: u64,
    /// What to do.
    pub work: W,
}

/// The dispatcher's side: the queues.
pub struct Crew<W> {
    queues: Vec<SyncSender<Job<W>>>,
    done: Arc<Turn>,
    given: u64,
}

impl<W> Crew<W> {
    /// Queues for `cpus` CPUs, and for each what its thread gives to [`work`].
    pub fn new(cpus: usize) -> (Crew<W>, Vec<Hand<W>>) {
        let done = Arc::new(Turn::default());
        let (queues, ends): (Vec<_>, Vec<_>) = (0..cpus).map(|_| sync_channel(QUEUE)).unzip();
        let hand = |jobs| Hand {
            jobs,
            done: done.clone(),
        };
        let hands = ends.into_iter().map(hand).collect();
        let given = 0;
        let crew = Crew {
            queues,
            done,
            given,
        };
        (crew, hands)
    }

    /// Queues a job for CPU `cpu`. Waits while the queue is full.
    pub fn give(&mut self, cpu: usize, job: Job<W>) {
        let turn = job.turn.clone();
        self.given += 1;
        if self.queues[cpu].send(job).is_err() {
            // The thread has panicked; the job counts as done, so that nobody waits for it.
            turn.advance();
            self.done.advance();
        }
    }

    /// Waits until all jobs are done.
    pub fn drain(&self) {
        self.done.wait(self.given);
    }
}

/// The side of one CPU.
pub struct Hand<W> {
    jobs: Receiver<Job<W>>,
    done: Arc<Turn>,
}

/// Works off a queue until the dispatcher is gone.
pub fn work<W>(hand: Hand<W>, mut run: impl FnMut(W)) {
    for job in hand.jobs {
        job.turn.wait(job.number);
        let _done = Advance(&hand.done);
        let _turn = Advance(&job.turn);
        run(job.work);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_of_one_order_run_in_it_on_different_cpus() {
        let (mut crew, hands) = Crew::new(3);
        let seen = Mutex::new([const { Vec::new() }; 2]);
        std::thread::scope(|threads| {
            for hand in hands {
                let seen = &seen;
                threads.spawn(move || {
                    work(hand, |(order, n): (usize, u64)| {
                        seen.lock().unwrap()[order].push(n);
                    });
                });
            }
            let turns = [Arc::new(Turn::default()), Arc::new(Turn::default())];
            for n in 0..500 {
                for (order, turn) in turns.iter().enumerate() {
                    let (turn, number, work) = (turn.clone(), n, (order, n));
                    let cpu = (n as usize * 7 + order) % 3;
                    crew.give(cpu, Job { turn, number, work });
                }
            }
            crew.drain();
            assert_eq!(crew.done.get(), 1000);
            drop(crew);
        });
        for list in seen.into_inner().unwrap() {
            assert_eq!(list, (0..500).collect::<Vec<u64>>());
        }
    }
}
