/** Calls by gRPC-Web, and of protobuf what the dashboard's messages need: whole numbers and texts. */

/** Of a frame's first byte: it holds trailers, not a message. */
const TRAILERS = 128;
const HEAD_BYTES = 5;

/**
 * @param {number} number of a field
 * @param {string} text
 * @returns {number[]} the field, as protobuf has it
 */
function textField(number, text) {
  if (text === '') return [];
  const bytes = new TextEncoder().encode(text);
  return [number * 8 + 2, ...varint(bytes.length), ...bytes];
}

/** @param {number} value @returns {number[]} */
function varint(value) {
  const out = [];
  let rest = value;
  while (rest > 127) {
    out.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return [...out, rest];
}

/**
 * @param {Uint8Array} bytes of a message
 * @returns {Map<number, (number | string)[]>} its fields by their numbers, each with all of its values
 */
export function fields(bytes) {
  /** @type {Map<number, (number | string)[]>} */
  const found = new Map();
  let at = 0;
  const read = () => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = bytes[at++];
      if (byte === undefined) throw new Error('a message was cut');
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  while (at < bytes.length) {
    const tag = read();
    const number = Math.floor(tag / 8);
    /** @type {number | string} */
    let value;
    if (tag % 8 === 0) value = read();
    else if (tag % 8 === 2) {
      const length = read();
      value = new TextDecoder().decode(bytes.subarray(at, at + length));
      at += length;
    } else throw new Error('a field of another kind');
    found.set(number, [...(found.get(number) ?? []), value]);
  }
  return found;
}

/**
 * @param {string} path of the method
 * @param {string[]} texts fields of the request, from number 1 on
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<Uint8Array>} messages
 * @throws {Error} with the status of a call that failed
 */
export async function* call(path, texts, signal) {
  const message = texts.flatMap((text, index) => textField(index + 1, text));
  const frame = new Uint8Array(HEAD_BYTES + message.length);
  new DataView(frame.buffer).setUint32(1, message.length);
  frame.set(message, HEAD_BYTES);
  const headers = { 'content-type': 'application/grpc-web+proto', 'x-grpc-web': '1' };
  const answer = await fetch(path, { method: 'POST', headers, body: frame, signal });
  if (!answer.ok || answer.body === null) throw new Error(`status ${answer.status} of HTTP`);
  let status = answer.headers.get('grpc-status');
  let text = answer.headers.get('grpc-message') ?? '';
  let rest = new Uint8Array();
  const reader = answer.body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    const all = new Uint8Array(rest.length + value.length);
    all.set(rest);
    all.set(value, rest.length);
    rest = all;
    while (rest.length >= HEAD_BYTES) {
      const end = HEAD_BYTES + new DataView(rest.buffer, rest.byteOffset).getUint32(1);
      if (rest.length < end) break;
      const body = rest.subarray(HEAD_BYTES, end);
      if (rest[0] < TRAILERS) yield body;
      else {
        const trailers = new TextDecoder().decode(body);
        status = /^grpc-status: *(\d+)/im.exec(trailers)?.[1] ?? status;
        text = /^grpc-message: *(.*)$/im.exec(trailers)?.[1].trim() ?? text;
      }
      rest = rest.slice(end);
    }
  }
  if (status !== '0') throw new Error(`${decodeURIComponent(text) || 'the call failed'} [status ${status ?? 'unknown'}]`);
}
