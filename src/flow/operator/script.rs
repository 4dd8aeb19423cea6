//! What JavaScript asks of an operator: write, read, control, link, destroy, look.

use super::*;

impl Operator {
    /// This operator's number among those of its thread.
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Copies `bytes` into the inbox. Returns whether there is room for more; where not, `WRITABLE` tells when.
    pub fn write(self: &Arc<Self>, bytes: &[u8]) -> bool {
        let (room, due) = {
            let mut ports = self.ports();
            if ports.destroyed || ports.failure.is_some() {
                return true;
            }
            ports.append(bytes);
            self.post.grow(bytes.len() as i64);
            let room = ports.inbox_bytes < self.bounds.inbox;
            ports.writer_waits = !room;
            (room, ports.inbox_bytes >= GATHER_BYTES)
        };
        if due {
            self.schedule();
        }
        room
    }

    /// Queues a control behind the bytes.
    pub fn control(self: &Arc<Self>, control: Control) {
        self.ports().inbox.push_back(Input::Control(control));
    }

    /// Does what was gathered in this tick: at once on this thread where that is cheap, else on the pool. The caller
    /// takes the news from its post afterwards: no bell rings for what happened here.
    ///
    /// Returns whether it was done here.
    pub fn kick(self: &Arc<Self>) -> bool {
        let cheap = matches!(self.lane, Lane::Compute { ns_per_byte }
            if self.pending() as f32 * ns_per_byte <= INLINE_NS);
        if cheap && self.phase.compare_exchange(IDLE, RUNNING, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.post.enter();
            ON_JS.set(true);
            self.run();
            ON_JS.set(false);
            true
        } else {
            self.schedule();
            false
        }
    }

    fn pending(&self) -> usize {
        self.ports().inbox_bytes + self.carried.load(Ordering::Relaxed)
    }

    /// A reader wants output: a source may begin.
    pub fn want(self: &Arc<Self>) {
        // Others have nothing to begin with; and while a thread looked for that, small writes could not be worked off inline.
        if !self.wanted.swap(true, Ordering::AcqRel) && matches!(self.lane, Lane::Io { .. }) {
            self.schedule();
        }
    }

    /// Copies output into `target`.
    pub fn read(self: &Arc<Self>, target: &mut [u8]) -> ReadOutcome {
        let mut copied = 0;
        let outcome = {
            let mut guard = self.ports();
            let ports = &mut *guard;
            loop {
                match ports.outbox.front_mut() {
                    Some(Output::Bytes(buffer, at)) => {
                        let n = (target.len() - copied).min(buffer.len() - *at);
                        target[copied..copied + n].copy_from_slice(&buffer[*at..*at + n]);
                        copied += n;
                        *at += n;
                        if *at == buffer.len()
                            && let Some(Output::Bytes(buffer, _)) = ports.outbox.pop_front()
                        {
                            block::give(buffer);
                        }
                        ports.outbox_bytes -= n;
                        if copied < target.len() {
                            continue;
                        }
                        break ReadOutcome::Bytes(copied);
                    }
                    _ if copied > 0 => break ReadOutcome::Bytes(copied),
                    Some(Output::Mark(ticket)) => {
                        let ticket = *ticket;
                        ports.outbox.pop_front();
                        break ReadOutcome::Mark(ticket);
                    }
                    None if ports.finished => break ReadOutcome::End,
                    None => break ReadOutcome::Empty,
                }
            }
        };
        if copied > 0 {
            self.post.grow(-(copied as i64));
            if self.wants_room.swap(false, Ordering::AcqRel) {
                self.schedule();
            }
        }
        outcome
    }

    /// Bytes in the outbox up to the next mark.
    pub fn readable_bytes(&self) -> usize {
        let ports = self.ports();
        ports
            .outbox
            .iter()
            .map_while(|out| match out {
                Output::Bytes(buffer, at) => Some(buffer.len() - at),
                Output::Mark(_) => None,
            })
            .sum()
    }

    /// Bytes that `read` can give in whole rows: up to `most` of them, or one row that is longer; 0 where nothing is there.
    /// Row stages give out buffers that end with a row, so one buffer is enough to look at.
    pub fn readable_rows(&self, most: usize) -> usize {
        let ports = self.ports();
        let Some(Output::Bytes(buffer, at)) = ports.outbox.front() else { return 0 };
        let rows = &buffer[*at..];
        if rows.len() <= most {
            return rows.len();
        }
        memchr::memrchr(b'\n', &rows[..most])
            .or_else(|| memchr::memchr(b'\n', &rows[most..]).map(|end| most + end))
            .map_or(rows.len(), |end| end + 1)
    }

    /// Bytes in inbox and outbox.
    pub fn queued_bytes(&self) -> (usize, usize) {
        let ports = self.ports();
        (ports.inbox_bytes + self.carried.load(Ordering::Relaxed), ports.outbox_bytes)
    }

    /// Bytes in inbox and outbox at which somebody waits. Linked, an operator has no outbox: what it makes waits at the next.
    pub fn queue_limits(&self) -> (usize, usize) {
        let ports = self.ports();
        // What a stage that is gone by now left behind was bounded as that of a linked one.
        let is_linked =
            ports.prev.strong_count() > 0 || ports.feeder.is_some() || ports.inbox_bytes > self.bounds.inbox;
        let inbox = if is_linked { self.bounds.link } else { self.bounds.inbox };
        (inbox, if ports.next.is_some() { 0 } else { self.bounds.outbox })
    }

    /// The next mark that passed while linked.
    pub fn take_mark(&self) -> Option<u32> {
        self.ports().marks.pop_front()
    }

    /// Takes the side box.
    pub fn take_side(self: &Arc<Self>) -> Vec<u8> {
        let side = std::mem::take(&mut self.ports().side);
        if self.wants_room.swap(false, Ordering::AcqRel) {
            self.schedule();
        }
        side
    }

    /// From now on output goes into `next`'s inbox; what the outbox holds goes first.
    pub fn link(self: &Arc<Self>, next: &Arc<Self>) {
        let finished;
        {
            let mut ports = self.ports();
            let mut theirs = next.ports();
            theirs.prev = Arc::downgrade(self);
            while let Some(out) = ports.outbox.pop_front() {
                match out {
                    Output::Bytes(mut buffer, at) => {
                        if at > 0 {
                            buffer.drain(..at);
                        }
                        theirs.inbox_bytes += buffer.len();
                        theirs.inbox.push_back(Input::Bytes(buffer));
                    }
                    Output::Mark(ticket) => ports.marks.push_back(ticket),
                }
            }
            ports.outbox_bytes = 0;
            ports.next = Some(Arc::clone(next));
            finished = ports.finished;
            if !ports.marks.is_empty() {
                self.tell(event::MARK);
            }
        }
        self.wanted.store(true, Ordering::Release);
        if finished {
            self.tell(event::ENDED);
        }
        self.wants_room.store(false, Ordering::Release);
        self.schedule();
        next.schedule();
    }

    /// Output goes to the outbox again. What is in `next`'s inbox already stays there.
    pub fn unlink(self: &Arc<Self>) {
        let next = self.ports().next.take();
        if let Some(next) = next {
            next.ports().prev = Weak::new();
        }
        if self.wants_room.swap(false, Ordering::AcqRel) {
            self.schedule();
        }
    }

    /// Whether output is dropped from now on, or goes to the outbox again. What the outbox holds is dropped, too.
    pub fn discard(self: &Arc<Self>, discards: bool) {
        let (dropped, bytes, marked);
        {
            let mut guard = self.ports();
            let ports = &mut *guard;
            ports.discards = discards;
            dropped = if discards { std::mem::take(&mut ports.outbox) } else { VecDeque::new() };
            bytes = if discards { std::mem::take(&mut ports.outbox_bytes) } else { 0 };
            ports.marks.extend(dropped.iter().filter_map(|out| match out {
                Output::Mark(ticket) => Some(*ticket),
                Output::Bytes(..) => None,
            }));
            marked = !ports.marks.is_empty();
        }
        for out in dropped {
            if let Output::Bytes(buffer, _) = out {
                block::give(buffer);
            }
        }
        self.post.grow(-(bytes as i64));
        if marked {
            self.tell(event::MARK);
        }
        if self.wants_room.swap(false, Ordering::AcqRel) {
            self.schedule();
        }
    }

    /// Whether a driver or one of its blocks is at work, or is about to be.
    pub fn is_active(&self) -> bool {
        // Blocks first: one that ends schedules the driver before it stops counting.
        self.blocks.load(Ordering::Acquire) > 0 || self.phase.load(Ordering::Acquire) != IDLE
    }

    /// Whether all output was given out.
    pub fn is_finished(&self) -> bool {
        let ports = self.ports();
        ports.finished && ports.outbox.is_empty()
    }

    /// The first error.
    pub fn failure(&self) -> Option<Failure> {
        self.ports().failure.clone()
    }

    /// What a tap found out, once ended.
    pub fn result(&self) -> Option<String> {
        self.ports().result.clone()
    }

    /// Bytes that came after the format's own end.
    pub fn remainder(&self) -> Vec<u8> {
        self.ports().remainder.clone()
    }

    /// Bytes that the codec consumed, exactly.
    pub fn consumed(&self) -> u64 {
        self.consumed.load(Ordering::Relaxed)
    }

    /// The open file's descriptor, or -1.
    pub fn descriptor(&self) -> i64 {
        self.descriptor.load(Ordering::Acquire)
    }

    /// Bytes that were given out and do not wait for JavaScript.
    pub fn given(&self) -> u64 {
        // Under the lock, so that the two counts belong together.
        let ports = self.ports();
        self.meter.bytes_out.load(Ordering::Relaxed) - (ports.outbox_bytes + ports.dropped_bytes) as u64
    }

    /// Ends an open(2) or a wait that may last forever.
    pub fn interrupt(&self) {
        if let Lane::Io { wake: Some(wake) } = &self.lane {
            wake();
        }
    }

    /// Drops all queues and lets go of files. `CLOSED` follows from file operators.
    pub fn destroy(self: &Arc<Self>) {
        let (next, prev, inbox, outbox, freed);
        {
            let mut ports = self.ports();
            if ports.destroyed {
                return;
            }
            ports.destroyed = true;
            freed = ports.inbox_bytes + ports.outbox_bytes;
            (inbox, outbox) = (std::mem::take(&mut ports.inbox), std::mem::take(&mut ports.outbox));
            ports.inbox_bytes = 0;
            ports.dropped_bytes = std::mem::take(&mut ports.outbox_bytes);
            ports.side = Vec::new();
            next = ports.next.take();
            prev = std::mem::take(&mut ports.prev);
            ports.feeder = None;
        }
        drop((inbox, outbox));
        self.post.grow(-(freed as i64));
        self.meter.end();
        if let Some(next) = next {
            next.ports().prev = Weak::new();
        }
        if let Some(prev) = prev.upgrade() {
            prev.unlink();
        }
        if let Ok(mut driver) = self.driver.try_lock()
            && matches!(self.lane, Lane::Compute { .. })
            && self.phase.load(Ordering::Acquire) == IDLE
        {
            self.drop_driver(driver.take());
        } else {
            self.interrupt();
            self.schedule();
        }
    }

    pub(super) fn drop_driver(&self, driver: Option<Box<dyn Driver>>) {
        drop(driver);
        self.post.grow(-(self.state_bytes.swap(0, Ordering::AcqRel) as i64));
    }
}
