//! What went wrong with a session, in the words of OpenSSL and Node: programs compare codes.

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};
use std::fmt;
use std::io;

/// A failure of TLS itself. As an [`io::Error`] it is wrapped; [`of`](Self::of) finds it there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFault {
    /// `ERR_SSL_…` as Node has it, the code of a refused certificate, or `ECONNRESET`.
    pub code: &'static str,
    /// In words.
    pub reason: String,
}

impl TlsFault {
    /// A fault of that code.
    pub fn new(code: &'static str, reason: impl Into<String>) -> Self {
        Self { code, reason: reason.into() }
    }

    /// The fault that `error` wraps.
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref())
    }

    /// The peer went away before the handshake was over.
    pub fn reset() -> Self {
        Self::new("ECONNRESET", "socket hang up")
    }

    /// What the first bytes of a connection are, where they are no TLS.
    pub fn of_first_bytes(bytes: &[u8]) -> Option<Self> {
        const METHODS: [&[u8]; 9] =
            [b"GET ", b"POST", b"HEAD", b"PUT ", b"DELE", b"OPTI", b"PATC", b"CONN", b"PRI "];
        if METHODS.iter().any(|method| bytes.starts_with(method)) {
            return Some(Self::new("ERR_SSL_HTTP_REQUEST", "http request"));
        }
        let may_be_method = METHODS.iter().any(|method| method.starts_with(bytes));
        (!Self::is_record(bytes) && !may_be_method)
            .then(|| Self::new("ERR_SSL_WRONG_VERSION_NUMBER", "wrong version number"))
    }

    /// Whether the first bytes of a connection begin a record of a handshake: its type, and a version of TLS, or of SSL 3 in
    /// the first one.
    pub fn is_record(bytes: &[u8]) -> bool {
        bytes.first() == Some(&0x16) && bytes.get(1).is_none_or(|major| *major == 3)
    }
}

impl fmt::Display for TlsFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.reason)
    }
}

impl std::error::Error for TlsFault {}

impl From<TlsFault> for io::Error {
    fn from(fault: TlsFault) -> Self {
        Self::other(fault)
    }
}

impl From<&Error> for TlsFault {
    fn from(error: &Error) -> Self {
        let code = match error {
            Error::AlertReceived(alert) => of_alert(*alert),
            Error::NoCertificatesPresented => "ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE",
            Error::InvalidCertificate(refused) => of_certificate(refused),
            Error::NoApplicationProtocol => "ERR_SSL_NO_APPLICATION_PROTOCOL",
            Error::DecryptError => "ERR_SSL_DECRYPTION_FAILED_OR_BAD_RECORD_MAC",
            Error::PeerSentOversizedRecord => "ERR_SSL_PACKET_LENGTH_TOO_LONG",
            Error::PeerIncompatible(what) => match what {
                PeerIncompatible::NoCipherSuitesInCommon => "ERR_SSL_NO_SHARED_CIPHER",
                PeerIncompatible::NoKxGroupsInCommon => "ERR_SSL_NO_SUITABLE_KEY_SHARE",
                PeerIncompatible::NoSignatureSchemesInCommon => "ERR_SSL_NO_SUITABLE_SIGNATURE_ALGORITHM",
                PeerIncompatible::ServerDoesNotSupportTls12Or13
                | PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
                | PeerIncompatible::SupportedVersionsExtensionRequired
                | PeerIncompatible::Tls12NotOffered
                | PeerIncompatible::Tls12NotOfferedOrEnabled => "ERR_SSL_UNSUPPORTED_PROTOCOL",
                _ => "ERR_SSL_HANDSHAKE_FAILURE",
            },
            Error::InvalidMessage(InvalidMessage::MessageTooLarge) => "ERR_SSL_PACKET_LENGTH_TOO_LONG",
            Error::InvalidMessage(InvalidMessage::HandshakePayloadTooLarge) => {
                "ERR_SSL_EXCESSIVE_MESSAGE_SIZE"
            }
            Error::InvalidMessage(InvalidMessage::UnknownProtocolVersion) => "ERR_SSL_WRONG_VERSION_NUMBER",
            Error::InvalidMessage(_) => "ERR_SSL_BAD_PACKET",
            Error::InappropriateMessage { .. } | Error::InappropriateHandshakeMessage { .. } => {
                "ERR_SSL_UNEXPECTED_MESSAGE"
            }
            _ => "ERR_SSL_HANDSHAKE_FAILURE",
        };
        Self::new(code, error.to_string())
    }
}

/// A refused certificate's code, as `authorizationError` has it.
pub fn of_certificate(refused: &CertificateError) -> &'static str {
    match refused {
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => "CERT_HAS_EXPIRED",
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => "CERT_NOT_YET_VALID",
        CertificateError::Revoked => "CERT_REVOKED",
        CertificateError::UnknownRevocationStatus => "UNABLE_TO_GET_CRL",
        CertificateError::ExpiredRevocationList | CertificateError::ExpiredRevocationListContext { .. } => {
            "CRL_HAS_EXPIRED"
        }
        CertificateError::UnknownIssuer => "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
        CertificateError::BadSignature => "CERT_SIGNATURE_FAILURE",
        CertificateError::InvalidPurpose | CertificateError::InvalidPurposeContext { .. } => {
            "INVALID_PURPOSE"
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            "HOSTNAME_MISMATCH"
        }
        _ => "CERT_REJECTED",
    }
}

fn of_alert(alert: AlertDescription) -> &'static str {
    use AlertDescription as Alert;
    match alert {
        Alert::UnexpectedMessage => "ERR_SSL_SSLV3_ALERT_UNEXPECTED_MESSAGE",
        Alert::BadRecordMac => "ERR_SSL_SSLV3_ALERT_BAD_RECORD_MAC",
        Alert::RecordOverflow => "ERR_SSL_TLSV1_ALERT_RECORD_OVERFLOW",
        Alert::HandshakeFailure => "ERR_SSL_SSLV3_ALERT_HANDSHAKE_FAILURE",
        Alert::BadCertificate => "ERR_SSL_SSLV3_ALERT_BAD_CERTIFICATE",
        Alert::UnsupportedCertificate => "ERR_SSL_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE",
        Alert::CertificateRevoked => "ERR_SSL_SSLV3_ALERT_CERTIFICATE_REVOKED",
        Alert::CertificateExpired => "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
        Alert::CertificateUnknown => "ERR_SSL_SSLV3_ALERT_CERTIFICATE_UNKNOWN",
        Alert::IllegalParameter => "ERR_SSL_SSLV3_ALERT_ILLEGAL_PARAMETER",
        Alert::UnknownCA => "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
        Alert::AccessDenied => "ERR_SSL_TLSV1_ALERT_ACCESS_DENIED",
        Alert::DecodeError => "ERR_SSL_TLSV1_ALERT_DECODE_ERROR",
        Alert::DecryptError => "ERR_SSL_TLSV1_ALERT_DECRYPT_ERROR",
        Alert::ProtocolVersion => "ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION",
        Alert::InsufficientSecurity => "ERR_SSL_TLSV1_ALERT_INSUFFICIENT_SECURITY",
        Alert::InternalError => "ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR",
        Alert::UserCanceled => "ERR_SSL_TLSV1_ALERT_USER_CANCELLED",
        Alert::CertificateRequired => "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
        Alert::NoApplicationProtocol => "ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL",
        _ => "ERR_SSL_SSLV3_ALERT",
    }
}
