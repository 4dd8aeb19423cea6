//! Deadlines, coarse and many: one ring of slots, and a bit for each slot that holds any.
//!
//! A deadline is rounded up to a tick, so nothing expires early, and at most [`TICK`] late (and the loop's own delay).
//! Setting one is a push. Moving it further away, as each message does to an idle timeout, is free: the reactor leaves
//! the old entry where it is, and looks again when that one comes up.

use std::time::Duration;

/// The resolution.
pub(super) const TICK: Duration = Duration::from_millis(20);

/// One bit of a word each. A deadline further off than the ring is long is passed over until its round.
const SLOTS: u64 = 64;

/// What to look at, and at which tick.
pub(super) struct Wheel {
    slots: Vec<Vec<(u64, u64)>>,
    /// Bit n: slot n is not empty.
    occupied: u64,
    /// All ticks up to this one have been taken.
    now: u64,
}

impl Wheel {
    pub fn new() -> Self {
        Self { slots: (0..SLOTS).map(|_| Vec::new()).collect(), occupied: 0, now: 0 }
    }

    /// Looks at `key` at `tick`, or at the next one where that is past.
    pub fn insert(&mut self, tick: u64, key: u64) {
        let tick = tick.max(self.now + 1);
        let slot = tick % SLOTS;
        self.slots[slot as usize].push((tick, key));
        self.occupied |= 1 << slot;
    }

    /// Takes all entries up to `tick`.
    pub fn advance(&mut self, tick: u64, due: &mut Vec<u64>) {
        if tick <= self.now {
            return;
        }
        let rounds = (tick - self.now).min(SLOTS);
        for slot in (self.now + 1..).take(rounds as usize).map(|tick| tick % SLOTS) {
            if self.occupied & (1 << slot) == 0 {
                continue;
            }
            let entries = &mut self.slots[slot as usize];
            entries.retain(|&(at, key)| {
                if at <= tick {
                    due.push(key);
                }
                at > tick
            });
            if entries.is_empty() {
                self.occupied &= !(1 << slot);
                // Ten thousand closed sockets must not leave their slots behind.
                entries.shrink_to(64);
            }
        }
        self.now = tick;
    }

    /// The next tick at which there may be something to do.
    pub fn next(&self) -> Option<u64> {
        let first = self.now + 1;
        (self.occupied != 0)
            .then(|| first + u64::from(self.occupied.rotate_right((first % SLOTS) as u32).trailing_zeros()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn due(wheel: &mut Wheel, tick: u64) -> Vec<u64> {
        let mut due = Vec::new();
        wheel.advance(tick, &mut due);
        due
    }

    #[test]
    fn entries_come_up_at_their_tick_and_in_its_order() {
        let mut wheel = Wheel::new();
        wheel.insert(3, 30);
        wheel.insert(5, 50);
        wheel.insert(3, 31);
        assert_eq!(wheel.next(), Some(3));
        assert!(due(&mut wheel, 2).is_empty());
        assert_eq!(due(&mut wheel, 4), [30, 31]);
        assert_eq!(wheel.next(), Some(5));
        assert_eq!(due(&mut wheel, 100), [50]);
        assert_eq!(wheel.next(), None);
    }

    #[test]
    fn one_beyond_the_ring_waits_for_its_round() {
        let mut wheel = Wheel::new();
        wheel.insert(SLOTS * 2 + 7, 1);
        let mut tick = 0;
        loop {
            let next = wheel.next().expect("the entry is still there");
            assert!(next > tick, "time stands still");
            tick = next;
            if !due(&mut wheel, tick).is_empty() {
                break;
            }
        }
        assert_eq!(tick, SLOTS * 2 + 7);
    }

    #[test]
    fn one_in_the_past_comes_up_next() {
        let mut wheel = Wheel::new();
        due(&mut wheel, 1000);
        wheel.insert(4, 9);
        assert_eq!(wheel.next(), Some(1001));
        assert_eq!(due(&mut wheel, 1001), [9]);
    }

    #[test]
    fn a_long_sleep_takes_all_that_is_due_once() {
        let mut wheel = Wheel::new();
        (1..=500).for_each(|n| wheel.insert(n, n));
        let mut all = due(&mut wheel, 400);
        all.sort_unstable();
        assert_eq!(all, (1..=400).collect::<Vec<_>>());
        assert_eq!(due(&mut wheel, 500).len(), 100);
    }
}
