"""Modules that do what must not be done: the checks have to find them."""

import tempfile
from pathlib import Path

import wasmtime
from wasm_host.module import Module

CALLBACKS = {
    "proxy_on_context_create": ("i32 i32", ""),
    "proxy_on_vm_start": ("i32 i32", "i32"),
    "proxy_on_configure": ("i32 i32", "i32"),
    "proxy_on_request_headers": ("i32 i32 i32", "i32"),
    "proxy_on_request_body": ("i32 i32 i32", "i32"),
    "proxy_on_request_trailers": ("i32 i32", "i32"),
    "proxy_on_response_headers": ("i32 i32 i32", "i32"),
    "proxy_on_response_body": ("i32 i32 i32", "i32"),
    "proxy_on_response_trailers": ("i32 i32", "i32"),
    "proxy_on_http_call_response": ("i32 i32 i32 i32 i32", ""),
    "proxy_on_tick": ("i32", ""),
    "proxy_on_log": ("i32", ""),
    "proxy_on_done": ("i32", "i32"),
    "proxy_on_delete": ("i32", ""),
}


def module(does: dict[str, str], otherwise: int = 0) -> Module:
    """A module whose callbacks answer `otherwise` (0: go on), but for those in `does`, which are written in WebAssembly."""
    text = ['(module (memory (export "memory") 2)', '(func (export "_initialize"))']
    text.append('(func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 1024)')
    for name, (takes, gives) in CALLBACKS.items():
        answer = 1 if name in ("proxy_on_vm_start", "proxy_on_configure", "proxy_on_done") else otherwise
        body = does.get(name, f"i32.const {answer}" if gives else "")
        result = f"(result {gives})" if gives else ""
        text.append(f'(func (export "{name}") (param {takes}) {result} {body})')
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "planted.wasm"
        path.write_bytes(wasmtime.wat2wasm("\n".join([*text, ")"])))
        return Module(str(path))


# Lets everything through.
OPEN = {}
# Traps at the third body of a request.
TRAPS = {
    "proxy_on_request_body": "i32.const 0 i32.const 0 i32.load i32.const 1 i32.add i32.store "
    "i32.const 0 i32.load i32.const 3 i32.ge_u if unreachable end i32.const 1",
}
# Holds a request, and lets it go on with the trailers.
OPEN_AT_TRAILERS = {"proxy_on_request_trailers": "i32.const 0"}
