//! Our own threads. libuv's pool is never used: as many streams as it has threads would stop fs, dns and crypto.
//!
//! Compute tasks never wait for anything: an operator runs while it has input and room, and goes home. So a fixed number
//! of threads (one a core) serves any number of pipelines, in the order in which they became ready.
//!
//! File operators may sit in a system call (a slow disk, a FIFO without a writer). They run on threads of their own,
//! made on demand, that end after some idle seconds.

use super::Operator;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::Duration;

/// File operators that may be inside a system call at once; more wait in the queue, which holds one entry at most for
/// each live operator.
const IO_THREADS_MOST: usize = 128;
const IO_IDLE: Duration = Duration::from_secs(4);

pub(super) enum Task {
    /// Run an operator's driver.
    Run(Arc<Operator>),
    /// Run one block of a block stage.
    Block(Box<dyn FnOnce() + Send>),
}

#[derive(Default)]
struct Queue {
    /// Before operators: a block's result is what an operator waits for, and it frees memory. Operators do not starve: each
    /// has a bounded number of blocks, and must run itself to make more.
    blocks: VecDeque<Task>,
    operators: VecDeque<Task>,
    idle: usize,
    threads: usize,
}

impl Queue {
    fn next(&mut self) -> Option<Task> {
        self.blocks.pop_front().or_else(|| self.operators.pop_front())
    }
}

/// A queue of tasks and the threads that serve it.
pub struct Pool {
    queue: Mutex<Queue>,
    ready: Condvar,
    most: AtomicUsize,
    name: &'static str,
    keep: Option<Duration>,
}

static COMPUTE: OnceLock<Pool> = OnceLock::new();
static IO: OnceLock<Pool> = OnceLock::new();

/// Threads for compute tasks: `MILLRACE_THREADS` where that is a number from 1 to 256, else one a core.
pub fn pool_threads() -> usize {
    static THREADS: OnceLock<usize> = OnceLock::new();
    *THREADS.get_or_init(|| {
        std::env::var("MILLRACE_THREADS")
            .ok()
            .and_then(|text| text.trim().parse().ok())
            .filter(|n| (1..=256).contains(n))
            .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
    })
}

/// Runs `work`, which may wait for a disk, on an I/O thread. Whoever calls has a bounded number under way.
pub fn on_io_thread(work: Box<dyn FnOnce() + Send>) {
    Pool::io().submit(Task::Block(work));
}

/// Runs `work`, which does not wait, on a compute thread. Whoever calls has a bounded number under way.
pub fn on_compute_thread(work: Box<dyn FnOnce() + Send>) {
    Pool::compute().submit(Task::Block(work));
}

impl Pool {
    pub(super) fn compute() -> &'static Self {
        COMPUTE.get_or_init(|| Self::new("millrace", pool_threads(), None))
    }

    pub(super) fn io() -> &'static Self {
        IO.get_or_init(|| Self::new("millrace-io", IO_THREADS_MOST, Some(IO_IDLE)))
    }

    fn new(name: &'static str, most: usize, keep: Option<Duration>) -> Self {
        Self {
            queue: Mutex::new(Queue::default()),
            ready: Condvar::new(),
            most: AtomicUsize::new(most),
            name,
            keep,
        }
    }

    /// Queues a task. The queue's length is bounded by its users: an operator stands in it once at most, and has a
    /// bounded number of blocks under way.
    pub(super) fn submit(&'static self, task: Task) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        match task {
            Task::Block(_) => queue.blocks.push_back(task),
            Task::Run(_) => queue.operators.push_back(task),
        }
        // An idle thread may be woken for another task already, which may take long (a FIFO).
        if queue.idle >= queue.blocks.len() + queue.operators.len() {
            drop(queue);
            self.ready.notify_one();
        } else if queue.threads < self.most.load(Ordering::Relaxed) {
            queue.threads += 1;
            drop(queue);
            let spawned = std::thread::Builder::new().name(self.name.into()).spawn(move || self.work());
            if spawned.is_err() {
                let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                queue.threads -= 1;
                // Without a single thread nobody would ever run the task.
                if queue.threads == 0
                    && let Some(task) = queue.next()
                {
                    drop(queue);
                    run(task);
                }
            }
        }
    }

    fn work(&'static self) {
        let mut queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(task) = queue.next() {
                drop(queue);
                run(task);
                queue = self.queue.lock().unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            queue.idle += 1;
            let timed_out;
            (queue, timed_out) = match self.keep {
                None => (self.ready.wait(queue).unwrap_or_else(PoisonError::into_inner), false),
                Some(keep) => {
                    let (queue, wait) =
                        self.ready.wait_timeout(queue, keep).unwrap_or_else(PoisonError::into_inner);
                    (queue, wait.timed_out())
                }
            };
            queue.idle -= 1;
            if timed_out && queue.blocks.is_empty() && queue.operators.is_empty() {
                queue.threads -= 1;
                return;
            }
        }
    }
}

fn run(task: Task) {
    match task {
        Task::Run(operator) => operator.run_on_pool(),
        Task::Block(block) => {
            // The block reports its own panics to its operator; this one only keeps the thread.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(block));
        }
    }
}
