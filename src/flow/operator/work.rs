//! What a driver asks of its operator: take input, give output, say how it stands.

use super::*;

impl Operator {
    /// The next input, or `None`. Makes room for whoever waits.
    pub fn take(&self) -> Option<Input> {
        let (input, prev, fed, tell) = {
            let mut guard = self.ports();
            let ports = &mut *guard;
            let input = ports.inbox.pop_front()?;
            let (mut prev, mut fed) = (None, None);
            let mut tell = false;
            if let Input::Bytes(bytes) | Input::CheckedRows(bytes) = &input {
                ports.inbox_bytes -= bytes.len();
                self.post.grow(-(bytes.len() as i64));
                self.meter.bytes_in.fetch_add(bytes.len() as u64, Ordering::Relaxed);
                // Half of the bound: fewer, larger turns for the writer.
                if ports.writer_waits && ports.inbox_bytes <= self.bounds.inbox / 2 {
                    ports.writer_waits = false;
                    tell = true;
                }
                if ports.inbox_bytes < self.bounds.link {
                    prev = ports.prev.upgrade();
                }
                fed = ports.feeder.as_mut().and_then(|f| f.wake(ports.inbox_bytes, self.bounds.link));
            }
            (input, prev, fed, tell)
        };
        if tell {
            self.tell(event::WRITABLE);
        }
        if let Some(on_room) = fed {
            on_room();
        }
        if let Some(prev) = prev
            && prev.wants_room.swap(false, Ordering::AcqRel)
        {
            prev.schedule();
        }
        Some(input)
    }

    /// Whether the consumer takes more. Where not, the operator is run again when it does.
    pub fn has_room(&self) -> bool {
        if self.room() {
            return true;
        }
        // Told before it is asked again: whoever makes room in between sees the wish.
        self.wants_room.store(true, Ordering::SeqCst);
        self.room()
    }

    fn room(&self) -> bool {
        let ports = self.ports();
        if ports.side.len() >= SIDE_BOUND {
            return false;
        }
        match &ports.next {
            Some(next) => next.ports().inbox_bytes < next.bounds.link,
            None => ports.discards || ports.outbox_bytes < self.bounds.outbox,
        }
    }

    /// Whether output goes to another operator, so that large pieces are best.
    pub fn is_linked(&self) -> bool {
        self.ports().next.is_some()
    }

    /// Whether output goes to an operator that cuts at rows, so that pieces which end with a row are best.
    pub fn feeds_rows(&self) -> bool {
        self.ports().next.as_ref().is_some_and(|next| next.cuts_rows)
    }

    /// Bytes of output for JavaScript at which the operator stops.
    pub fn outbox_bound(&self) -> usize {
        self.bounds.outbox
    }

    /// Whether a reader asked for output yet.
    pub fn is_wanted(&self) -> bool {
        self.wanted.load(Ordering::Acquire)
    }

    /// Whether input is waiting.
    pub fn has_input(&self) -> bool {
        !self.ports().inbox.is_empty()
    }

    /// Gives out bytes, up to the limit of the output.
    pub fn emit(&self, bytes: Vec<u8>) {
        self.emit_as(bytes, Input::Bytes);
    }

    /// Gives out whole rows that were checked: a linked row stage need not check them again.
    pub fn emit_checked_rows(&self, bytes: Vec<u8>) {
        self.emit_as(bytes, Input::CheckedRows);
    }

    fn emit_as(&self, mut bytes: Vec<u8>, input: fn(Vec<u8>) -> Input) {
        if let Some(limit) = self.bounds.output_limit {
            let room = limit.saturating_sub(self.meter.read().bytes_out);
            if bytes.len() as u64 > room {
                bytes.truncate(room as usize);
                self.send(bytes, Input::Bytes);
                self.fail(CodecError::output_too_large(limit).into());
                return;
            }
        }
        self.send(bytes, input);
    }

    fn send(&self, bytes: Vec<u8>, input: fn(Vec<u8>) -> Input) {
        if bytes.is_empty() {
            block::give(bytes);
            return;
        }
        let next = {
            let mut ports = self.ports();
            if ports.destroyed {
                drop(ports);
                block::give(bytes);
                return;
            }
            self.meter.bytes_out.fetch_add(bytes.len() as u64, Ordering::Relaxed);
            if ports.discards && ports.next.is_none() {
                drop(ports);
                block::give(bytes);
                return;
            }
            self.post.grow(bytes.len() as i64);
            match ports.next.clone() {
                Some(next) => {
                    // Under both locks: after `unlink` returned, nothing arrives any more.
                    let mut theirs = next.ports();
                    if theirs.destroyed {
                        self.post.grow(-(bytes.len() as i64));
                    } else {
                        theirs.inbox_bytes += bytes.len();
                        theirs.inbox.push_back(input(bytes));
                    }
                    drop(theirs);
                    Some(next)
                }
                None => {
                    ports.outbox_bytes += bytes.len();
                    ports.outbox.push_back(Output::Bytes(bytes, 0));
                    None
                }
            }
        };
        match next {
            Some(next) => next.schedule(),
            None => self.tell(event::READABLE),
        }
    }

    /// Gives out a mark, behind all bytes so far.
    pub fn emit_mark(&self, ticket: u32) {
        let linked = {
            let mut ports = self.ports();
            if ports.next.is_some() || ports.discards {
                ports.marks.push_back(ticket);
                true
            } else {
                ports.outbox.push_back(Output::Mark(ticket));
                false
            }
        };
        self.tell(if linked { event::MARK } else { event::READABLE });
    }

    /// Gives out rejected rows.
    pub fn emit_side(&self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.ports().side.extend_from_slice(bytes);
            self.tell(event::SIDE);
        }
    }

    /// All input before a `Drain` is worked off.
    pub fn drained(&self) {
        self.tell(event::DRAINED);
    }

    /// The file is open, under this descriptor.
    pub fn opened(&self, descriptor: i64) {
        self.descriptor.store(descriptor, Ordering::Release);
        self.tell(event::OPEN);
    }

    /// Counts bytes that came from outside (a file).
    pub fn took(&self, bytes: usize) {
        self.meter.bytes_in.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Counts bytes that went outside (a file).
    pub fn gave(&self, bytes: usize) {
        self.meter.bytes_out.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// Keeps a tap's result.
    pub fn set_result(&self, result: Option<String>) {
        self.ports().result = result;
    }

    /// Keeps bytes that came after the format's end, up to 1 MiB.
    pub fn keep_remainder(&self, bytes: &[u8]) {
        let mut ports = self.ports();
        let room = (1 << 20) - ports.remainder.len();
        ports.remainder.extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    /// Sets the exact count of consumed bytes.
    pub fn set_consumed(&self, bytes: u64) {
        self.consumed.store(bytes, Ordering::Relaxed);
    }

    /// Bytes that the driver holds back for a full block.
    pub fn set_carried(&self, bytes: usize) {
        self.carried.store(bytes, Ordering::Relaxed);
    }

    /// All output is given out.
    pub fn finish(&self) {
        {
            let mut ports = self.ports();
            if ports.finished || ports.destroyed {
                return;
            }
            ports.finished = true;
        }
        self.meter.end();
        self.tell(event::ENDED);
    }

    /// The first failure ends the operator; output before it stays readable.
    pub fn fail(&self, failure: Failure) {
        {
            let mut ports = self.ports();
            if ports.failure.is_some() || ports.destroyed {
                return;
            }
            ports.failure = Some(failure);
            // Nobody will read it; the writer is told by the error.
            let dropped = std::mem::take(&mut ports.inbox_bytes);
            ports.inbox.clear();
            self.post.grow(-(dropped as i64));
        }
        self.meter.end();
        self.tell(event::FAILED);
    }

    /// The file could not be closed properly: told beside `CLOSED`, where nothing failed before.
    pub fn close_failed(&self, failure: Failure) {
        self.ports().failure.get_or_insert(failure);
    }

    /// Whether nothing is to be done any more.
    pub fn is_over(&self) -> bool {
        let ports = self.ports();
        ports.destroyed || ports.failure.is_some()
    }

    /// Runs `work` as a block of this operator on the pool; the operator runs again afterwards.
    pub fn spawn_block(self: &Arc<Self>, work: impl FnOnce() + Send + 'static) {
        let operator = Arc::clone(self);
        self.blocks.fetch_add(1, Ordering::AcqRel);
        self.post.enter();
        Pool::compute().submit(Task::Block(Box::new(move || {
            let began = Instant::now();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(work));
            operator.meter.add_busy(began.elapsed().as_nanos() as u64);
            if let Err(panic) = outcome {
                operator.fail(panicked(&panic));
            }
            operator.schedule();
            operator.blocks.fetch_sub(1, Ordering::AcqRel);
            operator.post.leave();
        })));
    }
}
