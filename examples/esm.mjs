// An ES module: named imports from the package and from its subpaths.

import { pipeline } from 'node:stream/promises';
import { readFile, writeFile } from 'node:fs/promises';
import { compose } from 'millrace';
import { createReadStream, createWriteStream } from 'millrace/fs';
import { lines, lowerCase } from 'millrace/text';

await writeFile('in.txt', 'ONE\r\nTWO\r\nTHREE');
await pipeline(createReadStream('in.txt'), compose(lines(), lowerCase()), createWriteStream('out.txt'));
console.log(JSON.stringify(await readFile('out.txt', 'utf8')));
