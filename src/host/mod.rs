//! proxy-wasm glue, the only place that knows hostcalls.
