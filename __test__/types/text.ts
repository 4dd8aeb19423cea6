import { Transform } from 'node:stream';
import { lines, upperCase, lowerCase, LinesOptions, CaseOptions } from 'millrace/text';

const options: LinesOptions = { maxLength: 1000, keepEnds: true, onTooLong: 'truncate', objectMode: true, threads: 2 };
const split: Transform = lines(options);
split.on('data', (line: string) => console.log(line));
lines({ readableObjectMode: true, readableHighWaterMark: 100, signal: new AbortController().signal });
lines().pipe(upperCase({ utf8: 'error', highWaterMark: 4096 })).pipe(lowerCase({ encoding: 'utf8' }));
const rows: number = lines().stats().rowsIn;
const insist: CaseOptions = { utf8: 'replace', threads: undefined };
console.log(rows, insist);

// @ts-expect-error not a policy
lines({ onTooLong: 'drop' });
// @ts-expect-error bytes are a number
lines({ maxLength: '1 MB' });
// @ts-expect-error not a policy
upperCase({ utf8: 'ignore' });
// @ts-expect-error an option of lines
lowerCase({ maxLength: 10 });
// @ts-expect-error streams have no write of one's own
upperCase({ transform() {} });
