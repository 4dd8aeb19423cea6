import { Transform } from 'node:stream';
import { hash, Hash, Digests, HashAlgorithm, HashOptions } from 'millrace/crypto';

const one: Hash<'sha256'> = hash();
const sha: string | undefined = one.digests?.sha256;
const many = hash({ algorithms: ['md5', 'xxh3'], encoding: 'base64url', highWaterMark: 1024 });
many.on('digests', (digests) => {
  const md5: string = digests.md5;
  // @ts-expect-error not asked for
  console.log(digests.sha256, md5);
});
const transform: Transform = many;
const made: Hash<'crc32'> = new Hash({ algorithms: ['crc32'] });
const digests: Digests<'blake3'> = { blake3: 'af' };
const all: HashAlgorithm[] = ['sha256', 'sha512', 'sha1', 'md5', 'crc32', 'blake3', 'xxh3'];
const options: HashOptions = { algorithms: all, encoding: 'hex' };
console.log(sha, transform, made.stats().bytesIn, digests, options);

// @ts-expect-error no such algorithm
hash({ algorithms: ['sha3'] });
// @ts-expect-error an array
hash({ algorithms: 'sha256' });
// @ts-expect-error no such encoding
hash({ encoding: 'binary' });
// @ts-expect-error frozen
digests.blake3 = 'x';
