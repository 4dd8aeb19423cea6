//! rustls's state machine, for either end: bytes in, plain text and bytes out.

use super::records::Records;
use rustls::client::{ClientConnectionData, UnbufferedClientConnection};
use rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use rustls::unbuffered::{ConnectionState, EncodeError, EncodeTlsData, EncryptError, UnbufferedStatus};
use rustls::unbuffered::{UnbufferedConnectionCommon, WriteTraffic};
use rustls::{CommonState, Error};

/// One end of a session.
pub(super) enum Machine {
    /// Accepts.
    Server(Box<UnbufferedServerConnection>),
    /// Connects.
    Client(Box<UnbufferedClientConnection>),
}

/// What became of bytes.
pub(super) struct TakenIn {
    /// So many from their start are done with.
    pub bytes: usize,
    /// The peer said that it will send no more.
    pub closed: bool,
    /// Why nothing more can be done.
    pub failure: Option<Error>,
}

type Common<D> = UnbufferedConnectionCommon<D>;
type Step<D> = for<'c, 'i> fn(&'c mut Common<D>, &'i mut [u8]) -> UnbufferedStatus<'c, 'i, D>;

const SERVER: Step<ServerConnectionData> = Common::<ServerConnectionData>::process_tls_records;
const CLIENT: Step<ClientConnectionData> = Common::<ClientConnectionData>::process_tls_records;

impl Machine {
    /// What the handshake came to.
    pub fn state(&self) -> &CommonState {
        match self {
            Self::Server(server) => server,
            Self::Client(client) => client,
        }
    }

    /// Takes records from the peer: adds what they hold to `plain`, and what is to be sent to `out`.
    pub fn take_in(&mut self, incoming: &mut [u8], plain: &mut Vec<u8>, out: &mut Records) -> TakenIn {
        match self {
            Self::Server(server) => take_in(server, SERVER, incoming, plain, out),
            Self::Client(client) => take_in(client, CLIENT, incoming, plain, out),
        }
    }

    /// Encrypts `plain` behind `out`. Does nothing before the handshake is over.
    ///
    /// # Errors
    /// The session was used up, which takes years.
    pub fn encrypt(&mut self, plain: &[u8], out: &mut Records) -> Result<(), EncryptError> {
        let put = |traffic: &mut WriteTraffic<'_, _>, room: &mut [u8]| traffic.encrypt(plain, room);
        let put_client = |traffic: &mut WriteTraffic<'_, _>, room: &mut [u8]| traffic.encrypt(plain, room);
        let guess = plain.len() + (plain.len() / (16 << 10) + 1) * RECORD_OVERHEAD;
        match self {
            Self::Server(server) => write(server, SERVER, guess, out, put),
            Self::Client(client) => write(client, CLIENT, guess, out, put_client),
        }
    }

    /// Says behind `out` that no more will come.
    ///
    /// # Errors
    /// As [`encrypt`](Self::encrypt)'s.
    pub fn close_notify(&mut self, out: &mut Records) -> Result<(), EncryptError> {
        let put = |traffic: &mut WriteTraffic<'_, _>, room: &mut [u8]| traffic.queue_close_notify(room);
        let put_client =
            |traffic: &mut WriteTraffic<'_, _>, room: &mut [u8]| traffic.queue_close_notify(room);
        match self {
            Self::Server(server) => write(server, SERVER, RECORD_OVERHEAD, out, put),
            Self::Client(client) => write(client, CLIENT, RECORD_OVERHEAD, out, put_client),
        }
    }
}

/// A record's head, its nonce, type and tag: enough for all cipher suites that there are.
const RECORD_OVERHEAD: usize = 48;

fn take_in<D>(
    common: &mut Common<D>,
    step: Step<D>,
    incoming: &mut [u8],
    plain: &mut Vec<u8>,
    out: &mut Records,
) -> TakenIn {
    let mut taken = TakenIn { bytes: 0, closed: false, failure: None };
    loop {
        // After a failure there may be an alert to send; the bytes are nobody's any more.
        let rest = if taken.failure.is_some() { &mut [][..] } else { &mut incoming[taken.bytes..] };
        let UnbufferedStatus { mut discard, state, .. } = step(common, rest);
        match state {
            Err(error) if taken.failure.is_some() => {
                let _ = error;
                return taken;
            }
            Err(error) => taken.failure = Some(error),
            Ok(ConnectionState::ReadTraffic(mut traffic)) => {
                while let Some(record) = traffic.next_record() {
                    match record {
                        Ok(record) => {
                            discard += record.discard;
                            plain.extend_from_slice(record.payload);
                        }
                        Err(error) => {
                            taken.failure = Some(error);
                            break;
                        }
                    }
                }
            }
            Ok(ConnectionState::EncodeTlsData(data)) => encode(data, out),
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => taken.closed = true,
            Ok(_) => {
                taken.bytes += discard;
                return taken;
            }
        }
        taken.bytes += discard;
    }
}

fn encode<D>(mut data: EncodeTlsData<'_, D>, out: &mut Records) {
    if let Err(EncodeError::InsufficientSize(short)) = data.encode(&mut []) {
        let written = data.encode(out.room(short.required_size)).unwrap_or(0);
        out.advance(written);
    }
}

fn write<D>(
    common: &mut Common<D>,
    step: Step<D>,
    guess: usize,
    out: &mut Records,
    mut put: impl FnMut(&mut WriteTraffic<'_, D>, &mut [u8]) -> Result<usize, EncryptError>,
) -> Result<(), EncryptError> {
    loop {
        match step(common, &mut []).state {
            Ok(ConnectionState::EncodeTlsData(data)) => encode(data, out),
            Ok(ConnectionState::TransmitTlsData(data)) => data.done(),
            Ok(ConnectionState::PeerClosed) => {}
            Ok(ConnectionState::WriteTraffic(mut traffic)) => {
                let mut room = guess;
                loop {
                    match put(&mut traffic, out.room(room)) {
                        Ok(written) => {
                            out.advance(written);
                            return Ok(());
                        }
                        Err(EncryptError::InsufficientSize(short)) => room = short.required_size,
                        Err(exhausted) => return Err(exhausted),
                    }
                }
            }
            _ => return Ok(()),
        }
    }
}
