'use strict';

const LEVELS = ['debug', 'info', 'info', 'info', 'info', 'info', 'notice', 'warn', 'error'];
const SERVICES = ['checkout', 'catalogue', 'identity', 'search', 'billing', 'shipping', 'mailer', 'gateway'];
const REGIONS = ['eu-west-1', 'eu-north-1', 'us-east-2', 'ap-south-1'];
const METHODS = ['GET', 'GET', 'GET', 'GET', 'POST', 'PUT', 'DELETE'];
const STATUSES = [200, 200, 200, 200, 201, 204, 301, 304, 400, 404, 409, 500, 503];
const RESOURCES = ['orders', 'items', 'users', 'carts', 'invoices', 'sessions', 'reviews'];
/** As JSON text: escapes and characters of two, three and four bytes are where careless tools go wrong. */
const MESSAGES = [
  'request completed',
  'request completed after a retry',
  'cache miss, read from the primary',
  'payment authorised by the café’s bank',
  'upstream answered \\"503 Service Unavailable\\", tried again',
  'token refreshed for device “Zoë’s phone”',
  'path C:\\\\data\\\\export.csv written',
  '注文を受け付けました',
  'Größe der Antwort überschreitet die Grenze',
  'заказ передан в доставку',
  'first line\\nsecond line of a stack trace',
  'signal 𝛿 above the threshold',
];
const HEX = Array.from({ length: 65536 }, (_, i) => i.toString(16).padStart(4, '0'));

/**
 * @param {number} seed
 * @returns {() => number} whole numbers from 0 to 2^32 - 1, the same for the same seed (Marsaglia's xorshift32)
 */
function randomNumbers(seed) {
  // Spread the seed's bits, since neighbours would begin alike; the state must not be 0.
  let state = Math.imul(seed ^ 0x9e3779b9, 0x85ebca6b) >>> 0 || 1;
  return () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return state >>> 0;
  };
}

/**
 * @param {number} seed
 * @returns {() => string} makes the next log row, as JSON without a newline, of some 335 bytes
 */
function rowMaker(seed) {
  const random = randomNumbers(seed);
  const below = (/** @type {number} */ n) => random() % n;
  const hex = () => HEX[random() & 0xffff];
  let time = Date.UTC(2026, 0, 1) + below(1000);
  return () => {
    time += below(40);
    const service = SERVICES[below(SERVICES.length)];
    const zone = below(REGIONS.length);
    const resource = RESOURCES[below(RESOURCES.length)];
    return (
      `{"ts":"${new Date(time).toISOString()}","level":"${LEVELS[below(LEVELS.length)]}","service":"${service}",` +
      `"host":"${service}-${zone}${below(8)}","requestId":"${hex()}${hex()}${hex()}${hex()}",` +
      `"userId":${10_000 + below(90_000)},"method":"${METHODS[below(METHODS.length)]}",` +
      `"path":"/api/v2/${resource}/${below(50_000)}","status":${STATUSES[below(STATUSES.length)]},` +
      `"durationMs":${below(400_000) / 1000},"message":"${MESSAGES[below(MESSAGES.length)]}",` +
      `"tags":{"region":"${REGIONS[zone]}","labels":["http","${resource}"],"extra":{}}}`
    );
  };
}

module.exports = { rowMaker };
