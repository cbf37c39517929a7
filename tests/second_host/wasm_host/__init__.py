"""A proxy-wasm host of its own (ABI 0.2.1) on wasmtime: nothing of it is Envoy's, and nothing of it is the filter's.

`vm` runs the module, `hostcalls` and `wasi` are what it may call, `stream` drives one HTTP exchange, `calls`, `clock`,
`shared` and `foreign` are the rest of a proxy, `faults` is how it fails.
"""
