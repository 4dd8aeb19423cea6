export * as fs from './lib/fs.js';
export * as zlib from './lib/zlib.js';
export * as text from './lib/text.js';
export * as jsonl from './lib/jsonl.js';
export * as crypto from './lib/crypto.js';
export { compose } from './lib/compose.js';
export { inspect } from './lib/inspect.js';
