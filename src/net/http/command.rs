//! What JavaScript asks of connections: four words each.

/// The kinds of command: the first word. The second is the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u32)]
pub enum Command {
    /// Send bytes of the slab: place, length.
    Write = 1,
    /// Send one of the buffers that came with the list: its number.
    WriteBuffer = 2,
    /// The response is complete: 1 to keep the connection, 0 to close it.
    Respond = 3,
    /// Read no body bytes for now.
    Pause = 4,
    /// Read on.
    Resume = 5,
    /// Send what waits, then end our side.
    Finish = 6,
    /// Close at once: of a stream with that error code, or 0. Its number may be used again after this.
    Destroy = 7,
    /// The bytes from here on are another protocol's.
    Detach = 8,
    /// The request that wished for another protocol is handled as any other.
    Ignore = 9,
    /// A stream's head, or a 1xx before it: place, length.
    Head = 10,
    /// A stream's trailers, which end it: place, length.
    Trailers = 11,
    /// No new streams on a connection with HTTP/2; those that are open go on.
    GoAway = 12,
}

impl Command {
    /// The command of that number.
    pub fn from_word(word: u32) -> Option<Self> {
        use Command::*;
        let all = [
            Write,
            WriteBuffer,
            Respond,
            Pause,
            Resume,
            Finish,
            Destroy,
            Detach,
            Ignore,
            Head,
            Trailers,
            GoAway,
        ];
        all.get((word as usize).wrapping_sub(1)).copied()
    }
}

/// Four words.
pub(super) type Words = [u32; 4];
