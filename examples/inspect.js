'use strict';

// Where a pipeline's time goes: each stage's work and waits while it runs, and the one that holds the rest back.

const { pipeline } = require('node:stream/promises');
const nodeFs = require('node:fs');
const { fs, inspect, text, zlib } = require('millrace');

async function main() {
  const row = '{"time":"2026-01-01T00:00:00Z","level":"info","text":"something happened"}\n';
  nodeFs.writeFileSync('in.log', row.repeat(400_000));
  let looks = 0;
  const timer = setInterval(() => {
    for (const { stages, bottleneck } of inspect()) {
      looks += 1;
      if (looks === 1) console.log(stages.map(({ stage }) => stage).join(' -> '), '| bottleneck now:', bottleneck);
    }
  }, 20);
  const stages = [fs.createReadStream('in.log'), text.upperCase(), zlib.createGzip({ level: 9 }), fs.createWriteStream('out.gz')];
  await pipeline(stages);
  clearInterval(timer);
  for (const stream of stages) {
    const { stage, bytesIn, bytesOut, busyMs, starvedMs, heldBackMs } = stream.stats();
    const times = [busyMs, starvedMs, heldBackMs].map((ms) => ms.toFixed(0).padStart(6)).join('');
    console.log(stage.padEnd(18), String(bytesIn).padStart(10), String(bytesOut).padStart(10), times);
  }
  console.log(`looked ${looks > 0 ? 'while it ran' : 'too late'}`);
}

main().catch((error) => {
  console.error(error);
  process.exitCode = 1;
});
