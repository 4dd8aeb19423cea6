import { Duplex, PassThrough, Transform } from 'node:stream';
import { createServer } from 'node:http';
import { compose, http, hub, inspect, inspector, fs, text, Inspector, Pipeline, PipelineSnapshot, StageStats } from 'millrace';

const source: fs.ReadStream = fs.createReadStream('a');
const whole: Duplex = compose(source, text.upperCase(), new PassThrough(), fs.createWriteStream('b'));
const stats: StageStats = compose(text.lowerCase()).stats();
whole.on('close', () => {});
source.pipe(compose(text.lines())).pipe(process.stdout);

const pipelines: Pipeline[] = inspect();
const first: Pipeline | undefined = pipelines[0];
if (first !== undefined) {
  const name: string | null = first.bottleneck;
  const busy: number = first.stages.reduce((sum, stage) => sum + stage.busyMs, stats.busyMs);
  console.log(name, busy, first.bottleneckIndex);
}
const upper: Transform = text.upperCase({ threads: 1, highWaterMark: 4096 });
const fused: boolean = text.upperCase().stats().fused;
console.log(upper, fused);

const shown: Inspector = inspector(createServer(), '/inspect', {
  authorize: (request) => (request.headers.authorization === 'Bearer staff' ? true : 401),
  hub: hub.createHub(),
});
inspector(http.createServer());
inspector(http.createServer(), '/inspect', { authorize: async () => true });
const snapshot: PipelineSnapshot = shown.snapshot();
for (const { error, stages } of snapshot.pipelines) {
  const failure: string | undefined = error?.code;
  const sums: number[] = stages.map((stage) => stage.heldBack + stage.queueLimit);
  console.log(failure, sums);
}
shown.close();
// @ts-expect-error: not to be made
new Inspector();
// @ts-expect-error: an unknown option
inspector(createServer(), '/inspect', { auth: true });

// @ts-expect-error at least one stream
compose();
// @ts-expect-error streams, not names
compose('gzip');
// @ts-expect-error it takes nothing
inspect(1);
