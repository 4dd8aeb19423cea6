import * as nodeZlib from 'node:zlib';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { promisify } from 'node:util';
import * as zlib from 'millrace/zlib';
import { zlib as byName, StageStats } from 'millrace';
import { createGzip, gunzipSync, Gunzip, ZlibOptions } from 'millrace/zlib';

// A program written for node:zlib gets this module in its place.
const module: typeof nodeZlib = zlib;
const gzip: nodeZlib.Gzip = zlib.createGzip();
const inflate: nodeZlib.Inflate = new zlib.Inflate({ windowBits: 0 });
const raw: nodeZlib.DeflateRaw = zlib.createDeflateRaw({ level: 9, strategy: zlib.constants.Z_RLE, memLevel: 9 });
const callback: typeof nodeZlib.gzip = zlib.gzip;
const sync: typeof nodeZlib.unzipSync = zlib.unzipSync;
const brotli: nodeZlib.BrotliCompress = zlib.createBrotliCompress();
const options: nodeZlib.ZlibOptions = { level: 1, chunkSize: 1024 };
console.log(module, callback, sync, brotli, zlib.gzipSync('text', options).length, byName === zlib);
raw.params(1, zlib.constants.Z_DEFAULT_STRATEGY, () => {});
inflate.reset();
gzip.flush(zlib.constants.Z_SYNC_FLUSH, () => gzip.close());

// What is beyond it.
const more: ZlibOptions = {
  maxRatio: 100,
  maxOutputLength: 1e9,
  members: 'first',
  rejectGarbageAfterEnd: true,
  threads: 2,
  highWaterMark: 65536,
  signal: AbortSignal.timeout(1000),
};
const gunzip: Gunzip = new Gunzip(more);
const transform: Transform = gunzip;
const stats: StageStats = gunzip.stats();
const rest: Buffer = gunzip.remainder;
const consumed: number = gunzip.bytesWritten;
gunzip.params(1, 0);
gunzip.flush(() => {});
gunzip.flush();
console.log(transform, stats.bytesIn, rest.length, consumed);

zlib.gzip('text', (error: Error | null, result: Buffer) => console.log(error, result));
zlib.gzip(new ArrayBuffer(8), { level: 1, signal: AbortSignal.abort() }, (error, result) => console.log(error, result.length));
zlib.gunzip(rest, { info: true }, (_error, { buffer, engine }) => console.log(buffer.length, engine.remainder.length));
const { buffer, engine } = gunzipSync(rest, { info: true });
const plain: Buffer = gunzipSync(rest);
console.log(buffer.length, engine.bytesWritten, plain);
async function run(): Promise<void> {
  const packed: Buffer = await zlib.promises.gzip('text', { threads: 1 });
  const again: Buffer = await promisify(zlib.unzip)(packed);
  const whole = await zlib.promises.gunzip(again, { info: true });
  await pipeline(whole.engine, createGzip(), zlib.createGunzip(), process.stdout);
  const crc: number = zlib.crc32(packed, zlib.crc32('start'));
  console.log(crc);
}
void run();

// @ts-expect-error a number
zlib.createGzip({ level: '9' });
// @ts-expect-error one of two words
zlib.createGunzip({ members: 'some' });
// @ts-expect-error no callback
zlib.gzip('text');
// @ts-expect-error not writable
gunzip.remainder = rest;
// @ts-expect-error unknown option
zlib.createGzip({ thread: 1 });
