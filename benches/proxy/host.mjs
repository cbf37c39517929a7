// A host for the filter under Node (V8, as in Envoy): counts the calls that one exchange makes, and takes the time that it
// spends in Wasm. `node host.mjs PLAN.json`; the plan names the module, its configuration and environment, and requests.
// With `--cpu-prof` Node says which functions the time goes to, where the module was built with names.
import { readFileSync } from "node:fs";
import { WASI } from "node:wasi";

const plan = JSON.parse(readFileSync(process.argv[2]));
const wasi = new WASI({ version: "preview1", env: plan.environment });
const [OK, NOT_FOUND] = [0, 1];
const [REQUEST, RESPONSE] = [0, 2];
const [CALL_HEADERS, CALL_BODY] = [6, 4];
const [REQUEST_BODY, RESPONSE_BODY] = [0, 1];
const text = new TextDecoder(), octets = new TextEncoder();

let instance, calls, properties, maps, answered, bodies;
let asked = 0, told = 0;
const shared = new Map(), metrics = new Map();
const memory = () => instance.exports.memory.buffer;
const take = (at, size) => new Uint8Array(memory(), at, size);
const read = (at, size) => text.decode(take(at, size));
const word = (at, value) => new DataView(memory()).setUint32(at, value, true);

function give(bytes, data, size) {
  const at = instance.exports.proxy_on_memory_allocate(bytes.length);
  take(at, bytes.length).set(bytes);
  word(data, at);
  word(size, bytes.length);
  return OK;
}

// Packed once for each message: what packing costs here has nothing to do with what it costs in Envoy.
function packed(pairs) {
  const parts = pairs.map((pair) => pair.map((one) => octets.encode(one)));
  const size = 4 + parts.reduce((sum, [n, v]) => sum + 8 + n.length + v.length + 2, 0);
  const out = new Uint8Array(size), view = new DataView(out.buffer);
  view.setUint32(0, parts.length, true);
  let at = 4;
  for (const pair of parts) for (const one of pair) { view.setUint32(at, one.length, true); at += 4; }
  for (const pair of parts) for (const one of pair) { out.set(one, at); at += one.length + 1; }
  return out;
}

const host = {
  proxy_log: (level, at, size) => { if (level >= 2 && plan.log) console.error("log:", read(at, size)); return OK; },
  proxy_get_current_time_nanoseconds(at) {
    new DataView(memory()).setBigUint64(at, BigInt(Date.now()) * 1000000n, true);
    return OK;
  },
  proxy_get_buffer_bytes(kind, start, length, data, size) {
    const bytes = kind === 7 ? octets.encode(plan.configuration) : bodies[kind];
    return bytes ? give(bytes.subarray(start, start + length), data, size) : NOT_FOUND;
  },
  proxy_set_buffer_bytes: () => OK,
  proxy_get_header_map_pairs: (map, data, size) => (maps[map] ? give(maps[map], data, size) : NOT_FOUND),
  proxy_replace_header_map_value: () => OK,
  proxy_add_header_map_value: () => OK,
  proxy_remove_header_map_value: () => OK,
  proxy_get_property(at, length, data, size) {
    const value = properties[read(at, length).replaceAll("\0", ".")];
    return value === undefined ? NOT_FOUND : give(octets.encode(value), data, size);
  },
  proxy_set_property: () => OK,
  proxy_get_shared_data(at, length, data, size, cas) {
    const value = shared.get(read(at, length));
    if (!value) return NOT_FOUND;
    word(cas, value.cas);
    return give(value.bytes, data, size);
  },
  proxy_set_shared_data(at, length, value, size, _cas) {
    const key = read(at, length);
    shared.set(key, { bytes: take(value, size).slice(), cas: (shared.get(key)?.cas ?? 0) + 1 });
    return OK;
  },
  proxy_send_local_response(status) { answered = status; return OK; },
  proxy_http_call(_up, _upSize, _headers, _headersSize, _body, _bodySize, _trailers, _trailersSize, _timeout, token) {
    word(token, ++asked);
    return OK;
  },
  proxy_call_foreign_function: () => NOT_FOUND,
  proxy_define_metric(_kind, at, size, id) {
    const name = read(at, size);
    if (!metrics.has(name)) metrics.set(name, metrics.size + 1);
    word(id, metrics.get(name));
    return OK;
  },
};

const env = new Proxy({}, {
  get: (_, name) => (...given) => {
    // Properties and shared data by what is asked for, headers by their name.
    const which = /property|shared_data/.test(name) ? ` ${read(given[0], given[1])}` : /header_map_value/.test(name) ? ` ${read(given[1], given[2])}` : "";
    const call = name + which.replaceAll("\0", ".").replaceAll(/\/[0-9]+/g, "/…");
    calls?.set(call, (calls.get(call) ?? 0) + 1);
    return host[name] ? host[name](...given) : OK;
  },
  has: () => true,
});

// Without counting, calls must not cost what counting costs.
const imports = Object.fromEntries(
  WebAssembly.Module.imports(new WebAssembly.Module(readFileSync(plan.wasm)))
    .filter((one) => one.module === "env")
    .map(({ name }) => [name, plan.count ? env[name] : host[name] ?? (() => OK)]),
);
instance = new WebAssembly.Instance(new WebAssembly.Module(readFileSync(plan.wasm)), {
  env: imports,
  wasi_snapshot_preview1: wasi.wasiImport,
});
maps = {};
properties = {};
bodies = {};
wasi.initialize(instance);
const run = instance.exports;
run.proxy_on_context_create(1, 0);
run.proxy_on_vm_start(1, 0);
if (!run.proxy_on_configure(1, octets.encode(plan.configuration).length)) throw new Error("the configuration was refused");

let next = 2;
function exchange(request, response, sent, received) {
  const id = next++;
  answered = undefined;
  maps = { [REQUEST]: request };
  properties = { "source.address": "127.0.0.1:40000", "xds.route_name": "", "connection.mtls": "\0" };
  run.proxy_on_context_create(id, 1);
  bodies = { [REQUEST_BODY]: sent, [RESPONSE_BODY]: received };
  let verdict = run.proxy_on_request_headers(id, 0, sent ? 0 : 1);
  if (sent) verdict = run.proxy_on_request_body(id, sent.length, 1);
  // A call of its own is answered by what the request would be.
  for (; told < asked; ) {
    maps[CALL_HEADERS] = response;
    bodies[CALL_BODY] = received;
    verdict = 0;
    run.proxy_on_http_call_response(1, ++told, 5, received.length, 0);
  }
  if (verdict === 0) {
    maps[RESPONSE] = response;
    properties["response.code_details"] = "via_upstream";
    run.proxy_on_response_headers(id, 0, 0);
    if (run.proxy_on_response_body && received) {
      run.proxy_on_response_body(id, received.length, 1);
    } else if (run.proxy_on_response_body) {
      run.proxy_on_response_body(id, 1024, 0);
      run.proxy_on_response_body(id, 0, 1);
    }
  }
  if (run.proxy_on_done) run.proxy_on_done(id);
  if (run.proxy_on_log) run.proxy_on_log(id);
  if (run.proxy_on_delete) run.proxy_on_delete(id);
  return answered ?? verdict;
}

const results = {};
for (const { name, requests, expected, ...own } of plan.exchanges) {
  const made = requests.map(packed), response = packed(own.response ?? plan.response);
  const [sent, received] = [own.sent, own.received].map((body) => body && octets.encode(body));
  for (let warm = 0; warm < (own.warm ?? 3000); warm++) {
    const got = exchange(made[warm % made.length], response, sent, received);
    if (got !== expected) throw new Error(`${name}: ${got} instead of ${expected}`);
  }
  calls = plan.count ? new Map() : undefined;
  const times = [];
  for (let round = 0; round < plan.rounds; round++) {
    const began = process.cpuUsage();
    for (let at = 0; at < plan.repeat; at++) exchange(made[at % made.length], response, sent, received);
    const { user, system } = process.cpuUsage(began);
    times.push((user + system) / plan.repeat);
  }
  times.sort((a, b) => a - b);
  const total = plan.rounds * plan.repeat;
  results[name] = {
    microseconds: times[times.length >> 1],
    calls: calls && Object.fromEntries([...calls].map(([call, n]) => [call.replace("proxy_", ""), n / total]).sort()),
  };
  calls = undefined;
}
console.log(JSON.stringify(results));
