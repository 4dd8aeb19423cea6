//! When an operator runs: its phases, on a pool's thread or on JavaScript's.

use super::*;

impl Operator {
    /// Asks for a run: does nothing where one is queued, runs again where one is under way.
    pub fn schedule(self: &Arc<Self>) {
        loop {
            match self.phase.load(Ordering::Acquire) {
                IDLE => {
                    if self.phase.compare_exchange(IDLE, QUEUED, Ordering::AcqRel, Ordering::Acquire).is_ok()
                    {
                        self.post.enter();
                        self.submit();
                        return;
                    }
                }
                RUNNING => {
                    if self
                        .phase
                        .compare_exchange(RUNNING, AGAIN, Ordering::AcqRel, Ordering::Acquire)
                        .is_ok()
                    {
                        return;
                    }
                }
                _ => return,
            }
        }
    }

    fn submit(self: &Arc<Self>) {
        let pool = match self.lane {
            Lane::Compute { .. } => Pool::compute(),
            Lane::Io { .. } => Pool::io(),
        };
        pool.submit(Task::Run(Arc::clone(self)));
    }

    pub(in crate::flow) fn run_on_pool(self: &Arc<Self>) {
        self.phase.store(RUNNING, Ordering::Release);
        self.run();
    }

    /// Runs the driver once. The phase is `RUNNING`, and this thread alone holds it.
    pub(super) fn run(self: &Arc<Self>) {
        let began = Instant::now();
        self.meter.resume();
        let mut slot = self.driver.lock().unwrap_or_else(PoisonError::into_inner);
        let mut again = false;
        if !self.is_over()
            && let Some(driver) = slot.as_mut()
        {
            match std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| driver.run(self))) {
                Ok(Next::Again) => again = true,
                Ok(Next::Idle(waiting)) => self.meter.wait_for(waiting),
                Ok(Next::Become(other)) => {
                    let bytes = other.state_bytes();
                    *slot = Some(other);
                    let before = self.state_bytes.swap(bytes, Ordering::AcqRel);
                    self.post.grow(bytes as i64 - before as i64);
                    again = true;
                }
                Err(panic) => {
                    self.fail(panicked(&panic));
                }
            }
        }
        if self.is_over()
            && let Some(mut driver) = slot.take()
        {
            let closing = std::panic::AssertUnwindSafe(|| driver.close(self));
            let _ = std::panic::catch_unwind(closing);
            self.drop_driver(Some(driver));
            self.tell(event::CLOSED);
        }
        drop(slot);
        self.meter.add_busy(began.elapsed().as_nanos() as u64);
        if !again && self.phase.compare_exchange(RUNNING, IDLE, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.post.tell(self.id, &self.news, event::IDLE, false);
            self.post.leave();
            return;
        }
        // Asked for again: to the back of the queue, so that other pipelines have their turn.
        self.phase.store(QUEUED, Ordering::Release);
        self.submit();
    }
}
