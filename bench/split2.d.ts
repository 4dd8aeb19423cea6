declare module 'split2' {
  import { Transform } from 'node:stream';

  /** The part of split2 4 that the cases use: one chunk a line, mapped where a mapper is given. */
  function split2(mapper?: (line: string) => unknown): Transform;
  export = split2;
}
