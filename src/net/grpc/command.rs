//! What JavaScript asks of calls and connections: four words each.

/// The kinds of command: the first word. The second is the call or the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Command {
    /// Send the head now, with metadata from the slab (`name NUL value NUL` …): place, length.
    Head = 1,
    /// Send a message that lies in the slab: place, length. The flag [`Words::UNCOMPRESSED`] may be set on the kind.
    Message = 2,
    /// Send a message that is one of the buffers that came with the list: its number.
    MessageBuffer = 3,
    /// The call is over; its number is free. Of the slab: place, length of `code NUL message NUL`, then metadata as above.
    /// Without a length it is OK.
    Status = 4,
    /// So many bytes of messages and their prefixes were taken.
    Taken = 5,
    /// JavaScript is done with a call that was cancelled; its number is free.
    Drop = 6,
    /// Tell the connection's peer to open no more calls, and close when those that are there are over.
    Drain = 7,
    /// Close the connection now, with this reason (RFC 9113 §7).
    Destroy = 8,
    /// Ask the connection's peer for a sign of life.
    Ping = 9,

    // Of a client.
    /// Begin a call, whose number JavaScript chose: place, length of `connection NUL path NUL authority NUL coding NUL`, then
    /// metadata as above.
    Start = 32,
    /// No more messages follow.
    HalfClose = 33,
    /// Give a call up; [`Record::Freed`](super::Record::Freed) says when its number is free.
    Cancel = 34,
}

/// Four words.
pub type Words = [u32; 4];

impl Command {
    /// Set on the kind of a message that is not to be compressed.
    pub const UNCOMPRESSED: u32 = 1 << 8;

    /// The command of that number, flags left out.
    pub fn from_word(word: u32) -> Option<Self> {
        use Command::*;
        let all = [Head, Message, MessageBuffer, Status, Taken, Drop, Drain, Destroy, Ping];
        let clients = [Start, HalfClose, Cancel];
        match word as u8 {
            kind @ 32.. => clients.get(usize::from(kind) - 32).copied(),
            kind => all.get(usize::from(kind).wrapping_sub(1)).copied(),
        }
    }
}
