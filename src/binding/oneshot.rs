//! Whole buffers in one call: on the JS thread, or on our pool with a promise.

use super::spec::{Deflate, Inflate};
use crate::codec::deflate::{compress, decompress};
use crate::flow::Failure;
use napi::bindgen_prelude::*;
use napi_derive::napi;

/// The outcome of a one-shot: either bytes, or the failure as JSON.
#[napi(object)]
pub struct Outcome {
    /// The result.
    pub bytes: Option<Buffer>,
    /// Bytes of the input that belong to the compressed data.
    pub consumed: f64,
    /// As `Operator.failure()` gives it.
    pub failure: Option<String>,
}

fn refuse(reason: impl std::fmt::Display) -> Error {
    Error::new(Status::InvalidArg, reason.to_string())
}

/// Compresses `input` as `spec` (JSON) says, to at most `max_output` bytes.
#[napi(catch_unwind)]
pub fn deflate_once(
    spec: String,
    dictionary: Option<&[u8]>,
    input: &[u8],
    max_output: f64,
) -> Result<Outcome> {
    let spec: Deflate = serde_json::from_str(&spec).map_err(refuse)?;
    let options = spec.options(dictionary.unwrap_or_default()).map_err(refuse)?;
    Ok(match compress(&options, input, max_output as usize) {
        Ok(bytes) => Outcome { bytes: Some(bytes.into()), consumed: input.len() as f64, failure: None },
        Err(error) => Outcome {
            bytes: None,
            consumed: 0.0,
            failure: Some(super::operator::describe(&Failure::from(error))),
        },
    })
}

/// Decompresses `input` as `spec` (JSON) says, to at most `max_output` bytes.
#[napi(catch_unwind)]
pub fn inflate_once(
    spec: String,
    dictionary: Option<&[u8]>,
    input: &[u8],
    max_output: f64,
) -> Result<Outcome> {
    let spec: Inflate = serde_json::from_str(&spec).map_err(refuse)?;
    let options = spec.options(dictionary.unwrap_or_default()).map_err(refuse)?;
    Ok(match decompress(&options, input, max_output as usize) {
        Ok(plain) => {
            Outcome { bytes: Some(plain.bytes.into()), consumed: plain.consumed as f64, failure: None }
        }
        Err(error) => Outcome {
            bytes: None,
            consumed: 0.0,
            failure: Some(super::operator::describe(&Failure::from(error))),
        },
    })
}
