import { PassThrough, Transform, Writable } from 'node:stream';
import {
  validate, edit, parse, stringify, now,
  DeadLetter, EditOptions, HashOptions, ParseOptions, RowTransform, ValidateOptions,
} from 'millrace/jsonl';

const rejects: Writable = new PassThrough();
const options: ValidateOptions = { onInvalid: 'skip', rejects, endRejects: false, maxLineLength: 1000, utf8: 'replace', threads: 2 };
const checked: RowTransform = validate(options);
const stages: Transform[] = [checked, validate(), parse(), parse({ batch: 100 }), parse({ batch: true }), stringify()];
const rejected: number = checked.stats().rejected;

const hash: HashOptions = { field: 'hash', algorithm: 'blake3', length: 8 };
const work: EditOptions = { set: { at: now(), n: 1, deep: { a: [null] } }, remove: ['x'] as const, rename: { a: 'b' }, hash, rejects };
edit(work).pipe(stringify({ writableHighWaterMark: 10 }));

const letter: DeadLetter = { line: 1, offset: 0, reason: 'why', row: '{' };
const bytes: Buffer = Buffer.from(letter.rowBase64 ?? letter.row, letter.rowBase64 === undefined ? 'utf8' : 'base64');
const whole: boolean = letter.truncated !== true && letter.lossy !== true;
const length: number = letter.length ?? bytes.length;
const read: ParseOptions = { onInvalid: 'error', highWaterMark: 16 };
console.log(stages, rejected, whole, length, read);

// @ts-expect-error not a policy
validate({ onInvalid: 'drop' });
// @ts-expect-error a path is no stream
validate({ rejects: 'rejects.jsonl' });
// @ts-expect-error rejects belong to validate
parse({ rejects });
// @ts-expect-error not a number of rows
parse({ batch: 'all' });
// @ts-expect-error no such algorithm
edit({ hash: { field: 'h', algorithm: 'sha3' } });
// @ts-expect-error the field is needed
edit({ hash: { algorithm: 'sha256' } });
// @ts-expect-error names
edit({ remove: [1] });
