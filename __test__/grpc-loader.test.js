'use strict';

/** The loader against `@grpc/proto-loader`: the same definitions, the same bytes, the same objects. */

const assert = require('node:assert/strict');
const fs = require('node:fs');
const os = require('node:os');
const path = require('node:path');
const { describe, test } = require('node:test');
const theirs = require('@grpc/proto-loader');
const { descriptor } = require('../lib/grpc/loader/protobuf.js').protobufjs();
const grpc = require('../lib/grpc.js');
const { answerOf, connectGrpc, serveGrpc } = require('./harness/grpc.js');
const { random } = require('./harness/streams.js');

const KINDS = path.join(__dirname, 'fixtures', 'kinds.proto');
const ECHO = path.join(__dirname, 'fixtures', 'echo.proto');

/** @type {any[]} */
const ALL_OPTIONS = [
  undefined,
  {},
  { defaults: true },
  { arrays: true },
  { objects: true, oneofs: true },
  { keepCase: true, longs: String, enums: String, defaults: true, oneofs: true },
  { longs: Number, bytes: Array, arrays: true, oneofs: true, json: true },
  { bytes: String, enums: String, defaults: true, json: true },
];

/** @param {any} definition @returns {any} without its functions */
const data = (definition) => JSON.parse(JSON.stringify(definition));

/** @param {number} seed @returns {any} the same choices in each run */
function choices(seed) {
  const next = random(seed);
  const below = (/** @type {number} */ most) => Math.floor(next() * most);
  return {
    below,
    /** Whether it is the one of so many. */
    chance: (/** @type {number} */ many) => below(many) === 0,
    pick: (/** @type {any[]} */ list) => list[below(list.length)],
  };
}

/**
 * @param {any} choose
 * @param {number} depth
 * @returns {any} a message of the fixture's, any of its fields left out
 */
function anyKinds(choose, depth = 0) {
  const { chance, below, pick } = choose;
  const number = () => pick([0, 1, -1, 127, 128, 300, -129, 2 ** 31 - 1, -(2 ** 31), below(1e6)]);
  const largest = ['9223372036854775807', '-9223372036854775808', 2 ** 40 + 5, -(2 ** 45) - 7];
  const long = () => pick([0, 1, -1, '1', '-1', '300', ...largest]);
  const unsigned = () => pick([0, 1, 255, 2 ** 32, '18446744073709551615', '4294967296', below(1e9)]);
  const text = () => pick(['', 'a', 'ä€🎉', 'x'.repeat(below(300)), 'plain text of some length that is copied']);
  const bytes = () => pick([Buffer.alloc(0), Buffer.from([0, 255, 7]), Buffer.alloc(below(400), 9), [1, 2, 3], 'AQID']);
  const color = () => pick(['RED', 'GREEN', 'BLUE', 0, 5, -3, 77]);
  const inner = () => (depth < 3 ? anyKinds(choose, depth + 1) : {});
  const list = (/** @type {() => any} */ one) => Array.from({ length: below(5) }, one);
  /** @type {Record<string, () => any>} */
  const makers = {
    aDouble: () => pick([0, -0, 1.5, -1e300, Number.NaN, Infinity, 5e-324]),
    aFloat: () => pick([0, 0.5, -2.25, Infinity]),
    anInt32: number,
    anInt64: long,
    aUint32: () => pick([0, 1, 2 ** 32 - 1, below(1e6)]),
    aUint64: unsigned,
    aSint32: number,
    aSint64: long,
    aFixed32: () => below(2 ** 32),
    aFixed64: unsigned,
    aSfixed32: number,
    aSfixed64: long,
    aBool: () => chance(2),
    aString: text,
    someBytes: bytes,
    color,
    inner,
    numbers: () => list(number),
    texts: () => list(text),
    kinds: () => list(inner),
    colors: () => list(color),
    longs: () => list(long),
    counts: () => Object.fromEntries(list(() => [text(), number()])),
    byNumber: () => Object.fromEntries(list(() => [below(100), inner()])),
    // Not false: protobufjs 7 writes that key as true.
    byBool: () => ({ true: text() }),
    maybe: text,
    at: () => ({ seconds: long(), nanos: below(1000) }),
    doubles: () => list(() => pick([1, 2.5, -Infinity])),
  };
  /** @type {any} */
  const value = {};
  for (const [name, make] of Object.entries(makers)) if (chance(3)) value[name] = make();
  if (chance(2)) Object.assign(value, pick([{ word: text() }, { number: number() }, { other: inner() }]));
  return value;
}

/** @param {any} value @returns {any} with the names of the `.proto` */
function inSnakeCase(value) {
  if (Array.isArray(value)) return value.map(inSnakeCase);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, inner]) => {
    if (name === 'counts') return [name, inner];
    return [/^[a-z]/.test(name) ? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : name, inSnakeCase(inner)];
  }));
}

describe('the loader', () => {
  test('gives the same definitions', async () => {
    for (const options of ALL_OPTIONS) {
      const [own, other] = [grpc.loadSync(KINDS, options), theirs.loadSync(KINDS, options)];
      assert.deepEqual(Object.keys(own), Object.keys(other));
      for (const name of Object.keys(own)) assert.deepEqual(data(own[name]), data(other[name]), name);
      assert.deepEqual(data(await grpc.load(KINDS, options)), data(own));
    }
  });

  test('writes the same bytes and reads the same objects', () => {
    const choose = choices(7);
    for (const options of ALL_OPTIONS) {
      const own = grpc.loadSync(KINDS, options)['millrace.kinds.Kinds'];
      const other = theirs.loadSync(KINDS, options)['millrace.kinds.Kinds'];
      for (let round = 0; round < 200; round++) {
        const made = anyKinds(choose);
        const value = options?.keepCase ? inSnakeCase(made) : made;
        const bytes = /** @type {any} */ (other).serialize(value);
        assert.deepEqual(own.serialize(value), bytes);
        const expected = /** @type {any} */ (other).deserialize(bytes);
        assert.deepEqual(own.deserialize(bytes), expected);
        assert.equal(JSON.stringify(own.deserialize(bytes)), JSON.stringify(expected), 'in the same order');
      }
    }
  });

  test('takes values out of Any where it is asked to', () => {
    for (const options of [{ json: true }, {}]) {
      const own = grpc.loadSync(KINDS, options)['millrace.kinds.Kinds'];
      const other = /** @type {any} */ (theirs.loadSync(KINDS, options)['millrace.kinds.Kinds']);
      const value = { anything: { '@type': 'type.googleapis.com/millrace.kinds.Kinds', anInt32: 5 } };
      const bytes = other.serialize(value);
      assert.deepEqual(own.serialize(value), bytes);
      assert.deepEqual(own.deserialize(bytes), other.deserialize(bytes));
    }
    assert.ok(grpc.isAnyExtension({ '@type': 'x' }));
  });

  test('reads descriptor sets and JSON', () => {
    const files = /** @type {any} */ (theirs.loadSync(KINDS))['millrace.kinds.Kinds'].fileDescriptorProtos;
    const file = files.map((/** @type {Buffer} */ bytes) => descriptor.FileDescriptorProto.decode(bytes));
    const set = descriptor.FileDescriptorSet.encode({ file }).finish();
    const own = grpc.loadFileDescriptorSetFromBuffer(set, { defaults: true });
    const other = theirs.loadFileDescriptorSetFromBuffer(set, { defaults: true });
    assert.deepEqual(data(own), data(other));
    const object = descriptor.FileDescriptorSet.toObject(descriptor.FileDescriptorSet.decode(set));
    assert.deepEqual(data(grpc.loadFileDescriptorSetFromObject(object)), data(theirs.loadFileDescriptorSetFromObject(object)));
    const json = { nested: { a: { nested: { M: { fields: { text: { type: 'string', id: 1 } } } } } } };
    const message = grpc.fromJSON(json, { defaults: true })['a.M'];
    assert.deepEqual(message.deserialize(message.serialize({ text: 'x' })), { text: 'x' });
  });

  test('finds imports where it is told to, and warns where it does not', (t) => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'millrace-'));
    t.after(() => fs.rmSync(folder, { recursive: true }));
    fs.mkdirSync(path.join(folder, 'shared'));
    fs.writeFileSync(path.join(folder, 'shared', 'part.proto'), 'syntax = "proto3"; message Part { int32 n = 1; }');
    const whole = 'syntax = "proto3"; import "part.proto"; message Whole { Part part = 1; }';
    fs.writeFileSync(path.join(folder, 'whole.proto'), whole);
    const { Whole } = grpc.loadSync('whole.proto', { includeDirs: [folder, path.join(folder, 'shared')] });
    assert.deepEqual(Whole.deserialize(Whole.serialize({ part: { n: 3 } })), { part: { n: 3 } });
    assert.throws(() => grpc.loadSync('whole.proto', { includeDirs: folder }), /includeDirs option must be an array/);
  });

  test('refuses what is no message, in protobufjs\'s words', () => {
    const own = grpc.loadSync(KINDS)['millrace.kinds.Kinds'];
    const other = /** @type {any} */ (theirs.loadSync(KINDS)['millrace.kinds.Kinds']);
    for (const value of [[], null, 5, { inner: 5 }, { numbers: 5 }, { counts: 5 }]) {
      const said = (/** @type {() => any} */ work) => {
        try {
          work();
          return 'nothing';
        } catch (error) {
          return /** @type {Error} */ (error).message;
        }
      };
      assert.equal(said(() => own.serialize(value)), said(() => other.serialize(value)), JSON.stringify(value));
    }
    const deep = Buffer.concat(Array.from({ length: 200 }, () => Buffer.from([0x8a, 1, 127])));
    for (const bytes of [Buffer.from([10]), Buffer.from([0x72, 200, 1, 65]), Buffer.from([0x8a, 1, 5, 8]), deep]) {
      assert.throws(() => own.deserialize(bytes));
    }
    // What came before has left nothing behind.
    assert.deepEqual(own.deserialize(own.serialize({ anInt32: 5 })), { anInt32: 5 });
  });

  test('takes the last of a oneof, and false for a key', () => {
    const own = grpc.loadSync(KINDS, { oneofs: true })['millrace.kinds.Kinds'];
    const both = Buffer.concat([own.serialize({ word: 'x' }), own.serialize({ number: 5 })]);
    assert.deepEqual(own.deserialize(both), { number: 5, choice: 'number' });
    const value = { byBool: { false: 'f', true: 't' } };
    assert.deepEqual(own.deserialize(own.serialize(value)), value);
  });

  test('a message that is larger than what is shared, beside small ones that are kept', () => {
    const { serialize, deserialize } = grpc.loadSync(ECHO)['millrace.test.Message'];
    const kept = Array.from({ length: 2000 }, (_, number) => serialize({ text: `message ${number}`, number }));
    const large = serialize({ data: Buffer.alloc(1_000_000, 7) });
    assert.equal(deserialize(large).data.length, 1_000_000);
    assert.deepEqual(kept.map((bytes) => deserialize(bytes).number), Array.from({ length: 2000 }, (_, number) => number));
  });

  test('a service of it is called and served', async (t) => {
    const { address } = await serveGrpc(t, { one: async (/** @type {any} */ call) => call.request });
    const definition = /** @type {any} */ (grpc.loadPackageDefinition(grpc.loadSync(ECHO, { defaults: true })));
    const client = new definition.millrace.test.Echo(address, grpc.credentials.createInsecure());
    t.after(() => client.close());
    const request = { text: 'ä', number: 5, data: Buffer.from([1]) };
    assert.deepEqual((await answerOf((callback) => client.one(request, callback))).value, request);
    assert.deepEqual((await answerOf((callback) => connectGrpc(t, address).one(request, callback))).value, request);
  });
});
