"""One instance of the module with its contexts: a worker of a proxy."""

import copy
import dataclasses
import random

import wasmtime

from . import hostcalls, wasi
from .abi import Buffer, Map, Pairs, Status
from .calls import CallAnswer, Calls
from .clock import Clock
from .faults import Faults
from .foreign import Envoys, None_
from .memory import Memory, OutOfBounds
from .metrics import Metrics
from .module import Module
from .shared import SharedData

ROOT = 1


# What of a host changes while it runs, besides the module's memory.
KEPT = ["clock", "shared", "metrics", "calls", "logs", "tick_period", "effective", "_last"]


@dataclasses.dataclass(frozen=True)
class Image:
    """A host as it was."""

    memory: bytes
    state: list


class Trapped(AssertionError):
    """The module trapped: a worker of a real proxy would be out of service."""


class Host:
    """Loads the module and calls it. `stop_iteration`: bodies are delivered to held headers."""

    def __init__(
        self,
        module: Module,
        *,
        clock: Clock,
        clusters: set[str] = frozenset(),
        shared: SharedData | None = None,
        foreign: None_ | None = None,
        environment: dict[str, str] | None = None,
        faults: Faults | None = None,
        seed: int = 0,
        stop_iteration: bool = True,
    ):
        self.module, self.clock, self.stop_iteration = module, clock, stop_iteration
        self.shared, self.foreign = shared or SharedData(), foreign or Envoys()
        self.environment, self.faults = environment or {}, faults or Faults()
        self.random, self.metrics, self.calls = random.Random(seed), Metrics(), Calls(set(clusters))
        self.logs: list[tuple[int, str]] = []
        self.trace: list[str] = []
        self.streams: dict[int, object] = {}
        self.touched: list = []
        self.properties: dict[tuple[str, ...], bytes] = {}
        self.answer: CallAnswer | None = None
        self.configuration: bytes | None = None
        self.tick_period, self.effective, self._last = 0, 0, ROOT
        self.trapped: str | None = None
        self._load()

    def _load(self) -> None:
        self._store = wasmtime.Store(self.module.engine)
        linker = wasmtime.Linker(self.module.engine)
        env, system = hostcalls.Hostcalls(self), wasi.Wasi(self)
        for where, name, kind in self.module.imports():
            takes, gives = [str(one) for one in kind.params], [str(one) for one in kind.results]
            if where == "env":
                # What is not known here is none of the filter's business; its type is then its own affair.
                assert gives == ["i32"] and takes == hostcalls.SIGNATURES.get(name, takes), f"{name}{takes}"
                function = env.function(name)
            else:
                assert where == "wasi_snapshot_preview1" and (takes, gives) == wasi.SIGNATURES[name], f"{where} {name}"
                function = system.function(name)
            linker.define(self._store, where, name, wasmtime.Func(self._store, kind, function))
        self._instance = linker.instantiate(self._store, self.module.code)
        self._exports = self._instance.exports(self._store)
        self.memory = Memory(self._store, self._instance)
        self.run("_initialize" if self._exports.get("_initialize") else "_start")
        self.run("proxy_on_context_create", ROOT, 0)

    # Starting over.

    def image(self) -> "Image":
        """All that this host knows, between two callbacks."""
        assert not self.trapped and not self.streams and not self.calls.under_way
        return Image(self.memory.image(), copy.deepcopy([getattr(self, name) for name in KEPT]))

    def restore(self, image: "Image", faults: Faults, seed: int) -> None:
        """Becomes what it was, as if all since then had not been; another seed makes another future."""
        assert not self.trapped, "a module that has trapped cannot go back"
        self.memory.restore(image.memory)
        for name, value in zip(KEPT, copy.deepcopy(image.state), strict=True):
            setattr(self, name, value)
        self.faults, self.random = faults, random.Random(seed)
        self.streams, self.touched, self.trace = {}, [], []

    # Into the module.

    def run(self, name: str, *arguments: int) -> int | None:
        """Calls an export as it is; what it asked for is done by `settle`."""
        if self.trapped:
            raise Trapped(f"it had trapped before: {self.trapped}")
        function = self._exports.get(name)
        if function is None:
            return None
        try:
            return function(self._store, *arguments)
        except (wasmtime.Trap, wasmtime.WasmtimeError, OutOfBounds, wasi.Exited) as error:
            said = [line for level, line in self.logs if level >= 5][-1:]
            self.trapped = f"{name}{arguments}: {said or str(error).splitlines()[:6]}"
            raise Trapped(self.trapped) from None
        except BaseException as error:
            self.trapped = f"{name}{arguments}: this host gave up: {error!r}"
            raise

    def callback(self, name: str, context: int, *arguments: int) -> int | None:
        """Calls back in the name of a context."""
        self.effective = context
        return self.run(name, context, *arguments)

    def settle(self) -> None:
        """Does what the module asked for: a proxy does it only once the module has returned."""
        while self.touched:
            self.touched.pop(0).settle()

    def start(self, configuration: bytes) -> bool:
        """Starts the VM and configures its root context: whether it accepts."""
        started = self.callback("proxy_on_vm_start", ROOT, 0)
        return bool(started) and self.configure(configuration)

    def configure(self, configuration: bytes) -> bool:
        """Configures the root context anew."""
        self.configuration = configuration
        accepted = self.callback("proxy_on_configure", ROOT, len(configuration))
        self.configuration = None
        self.settle()
        return bool(accepted)

    def tick(self) -> None:
        """The timer comes, whether it was asked for or not."""
        self.callback("proxy_on_tick", ROOT)
        self.settle()

    def new_id(self) -> int:
        """A number for a context that is in no use."""
        self._last += 1
        return self._last

    def answer_call(self, token: int, context: int, answer: CallAnswer) -> None:
        """Tells the module of the answer to a call, or of one to a call that it never made."""
        self.calls.under_way.pop(token, None)
        self.answer = answer
        arguments = (token, len(answer.headers), len(answer.body), 0)
        try:
            self.callback("proxy_on_http_call_response", context, *arguments)
        finally:
            self.answer = None
        self.settle()

    # What hostcalls ask for, on behalf of the effective context.

    def _stream(self):
        return self.streams.get(self.effective)

    def buffer(self, kind: int) -> bytearray | bytes | None:
        """The octets of a buffer, where it is there."""
        if kind == Buffer.PLUGIN_CONFIGURATION:
            return self.configuration
        if kind == Buffer.CALL_BODY:
            return self.answer and self.answer.body
        if kind == Buffer.VM_CONFIGURATION:
            return b""
        return self._stream() and self._stream().buffer(kind)

    def map(self, kind: int) -> Pairs | None:
        """A header list, where it is there."""
        if kind == Map.CALL_HEADERS:
            return self.answer and self.answer.headers
        return self._stream() and self._stream().map(kind)

    def property(self, path: tuple[str, ...]) -> bytes | None:
        """What is known of the stream."""
        known = self._stream().properties.get(path) if self._stream() else None
        return self.properties.get(path) if known is None else known

    def set_property(self, path: str, value: bytes) -> None:
        """For the access log."""
        if self._stream():
            self._stream().told[path] = value

    def local_response(self, status: int, headers: Pairs, body: bytes) -> Status:
        """An answer to the client of the effective stream."""
        return self._stream().local_response(status, headers, body) if self._stream() else Status.BAD_ARGUMENT

    def continue_stream(self, direction: int) -> Status:
        """Lets a direction of the effective stream go on."""
        return self._stream().continue_(direction) if self._stream() else Status.BAD_ARGUMENT

    def close_stream(self, direction: int) -> Status:
        """Breaks the effective stream off."""
        return self._stream().break_off() if self._stream() else Status.BAD_ARGUMENT

    def enter(self, context: int) -> Status:
        """Makes another context the effective one."""
        if context != ROOT and context not in self.streams:
            return Status.BAD_ARGUMENT
        self.effective = context
        return Status.OK

    def call(self, cluster: str, headers: Pairs, body: bytes, timeout: int) -> int | None:
        """Makes an HTTP call."""
        return self.calls.make(self.effective, cluster, headers, body, timeout)
