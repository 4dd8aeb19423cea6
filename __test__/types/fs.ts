import * as nodeFs from 'node:fs';
import { open } from 'node:fs/promises';
import * as fs from 'millrace/fs';
import { fs as byName, StageStats } from 'millrace';
import { createReadStream, createWriteStream, ReadStreamOptions, WriteStreamOptions } from 'millrace/fs';

// A program written for node:fs gets these streams in place of its own.
const read: typeof nodeFs.createReadStream = fs.createReadStream;
const write: typeof nodeFs.createWriteStream = fs.createWriteStream;
const source: nodeFs.ReadStream = createReadStream(new URL('file:///a'), 'utf8');
const sink: nodeFs.WriteStream = new fs.WriteStream(Buffer.from('b'), { flags: 'a', mode: 0o600, start: 5 });
console.log(read, write, source.pending, source.bytesRead, sink.bytesWritten, sink.path, byName === fs);
source.on('open', (fd: number) => console.log(fd)).on('ready', () => source.close());
sink.close((error) => console.log(error));

// What is beyond it.
const reading: ReadStreamOptions = { start: 1, end: Infinity, highWaterMark: 1024, signal: AbortSignal.abort(), encoding: null };
const writing: WriteStreamOptions = { atomic: true, flush: true, flags: 'wx', emitClose: false, autoClose: undefined };
const stats: StageStats = createReadStream('a', reading).stats();
const fd: number | null = createWriteStream('b', writing).fd;
console.log(stats.bytesIn, fd, createWriteStream('b', writing).stats().bytesOut);
void open('a').then((handle) => createReadStream('', { fd: handle }).pipe(createWriteStream('', { fd: 1 })));

// @ts-expect-error: a number is no path
createReadStream(1);
// @ts-expect-error: atomic is a boolean
createWriteStream('a', { atomic: 'yes' });
// @ts-expect-error: start is a number of bytes
createReadStream('a', { start: '1' });
