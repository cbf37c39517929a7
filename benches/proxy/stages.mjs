// Runs the stages in Wasm under Node (V8, as in Envoy): `node stages.mjs MODULE < INPUTS`.
import { readFileSync } from "node:fs";

const inputs = readFileSync(0);
// Processor time, in microseconds: what else the machine does must not count.
const now = () => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const { instance } = await WebAssembly.instantiate(readFileSync(process.argv[2]), {
  bench: { now },
});
const { memory, room, run, result } = instance.exports;
const at = room(inputs.length);
new Uint8Array(memory.buffer, at, inputs.length).set(inputs);
const length = run();
console.log(new TextDecoder().decode(new Uint8Array(memory.buffer, result(), length)));
