//! What a client asks for in its hello, or why it is refused, is the same however its bytes are cut; and no more of it is held
//! than a record and what comes with it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use millrace::net::transport::tls::{Context, ContextOptions, Contexts, Hello, Session, TlsFault};
use millrace_fuzz::Plan;
use std::io::{ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::rc::Rc;
use std::sync::{Arc, LazyLock};

static CONTEXT: LazyLock<Arc<Context>> =
    LazyLock::new(|| Arc::new(Context::new(&ContextOptions::default()).unwrap()));

/// An alert, or the answer to a request in the clear.
const MOST_OUTPUT: usize = 1000;

fuzz_target!(|data: &[u8]| {
    let Some(plan) = Plan::new(data) else { return };
    assert_eq!(run(plan), run(plan.whole()));
});

fn run(plan: Plan<'_>) -> Result<Option<Hello>, &'static str> {
    let (socket, mut peer) = UnixStream::pair().unwrap();
    socket.set_nonblocking(true).unwrap();
    // Where nobody is asked the handshake goes on, and ends for want of a certificate.
    let contexts = Contexts { default: Arc::clone(&CONTEXT), named: Vec::new(), asks: plan.option(0) };
    let mut session = Session::server(Rc::new(contexts));
    let (mut buffer, mut plain) = (vec![0; 64 << 10], Vec::new());
    let mut read = |session: &mut Session| loop {
        match session.read(&socket, &mut buffer, &mut plain) {
            Ok(_) => assert!(plain.is_empty()),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(TlsFault::of(&error).map_or("the system's", |fault| fault.code)),
        }
    };
    for piece in plan.pieces() {
        peer.write_all(piece).unwrap();
        read(&mut session)?;
        assert!(!session.is_established() && session.waiting() <= MOST_OUTPUT);
    }
    if session.asks().is_none() {
        peer.shutdown(std::net::Shutdown::Write).unwrap();
        read(&mut session)?;
    }
    Ok(session.asks().cloned())
}
