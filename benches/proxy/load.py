"""Load by `wrk`, and the processor time that a server used for it."""

import os
import re
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

from .rounds import Sample

SCRIPT = Path(__file__).with_name("requests.lua")
CORES = sorted(os.sched_getaffinity(0))
PROXY_CORE, LOAD_CORE = CORES[0], CORES[-1]


class LoadFailed(Exception):
    """Not every answer was what it should be: such a figure would mean nothing."""


def on_core(core: int, command: list[str]) -> list[str]:
    """The command, bound to one processor core."""
    return ["taskset", "-c", str(core), *command]


def pin(pid: int, core: int) -> None:
    """Binds all threads of a process that runs."""
    subprocess.run(["taskset", "-a", "-cp", str(core), str(pid)], check=True, capture_output=True)


def processor_seconds(pid: int) -> float:
    """Processor time that a process and its children have used, all threads."""
    pids, total = [pid], 0.0
    while pids:
        one = pids.pop()
        try:
            for task in Path(f"/proc/{one}/task").iterdir():
                total += int((task / "schedstat").read_text().split()[0]) / 1e9
                pids += [int(child) for child in (task / "children").read_text().split()]
        except FileNotFoundError:
            continue
    return total


def raw(method: str, path: str, host: str, headers=(), body: bytes | None = None) -> bytes:
    """A request as it goes over the wire."""
    lines = [f"{method} {path} HTTP/1.1", f"host: {host}", *(f"{name}: {value}" for name, value in headers)]
    if body is not None:
        lines.append(f"content-length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b"")


class Requests:
    """Requests in a file, as the script reads them."""

    def __init__(self, place: Path, requests: list[bytes]):
        handle, self.path = tempfile.mkstemp(dir=place, suffix=".requests")
        self.count, self.first = len(requests), requests[0]
        with os.fdopen(handle, "wb") as file:
            for one in requests:
                file.write(b"%d\n" % len(one) + one)


def load(port: int, pid: int, requests: Requests, connections: int, seconds: int = 1) -> Sample:
    """Repeats the requests for so long. The first must be answered 200, and all others with as many octets: a redirect to
    a sign-in is fast, and no error for `wrk`."""
    length = _length_of_success(port, requests.first)
    sample, average = _run(port, pid, [requests.path], connections, seconds)
    if abs(average - length) > 0.05 * length:
        raise LoadFailed(f"answers have {average:.0f} octets on average; a good one has {length}")
    return sample


def _length_of_success(port: int, request: bytes) -> int:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as connection:
        connection.sendall(request)
        stream = connection.makefile("rb")
        head = b"".join(iter(stream.readline, b"\r\n"))
        if not head.startswith(b"HTTP/1.1 200"):
            raise LoadFailed(f"the answer is {head[:200]!r}")
        if found := re.search(rb"content-length: (\d+)", head, re.I):
            return len(head) + 2 + int(found[1])
        length = len(head) + 2
        while size := int(line := stream.readline(), 16):
            length += len(line) + size + 2
            stream.read(size + 2)
        return length + 5


def once(port: int, pid: int, requests: Requests, connections: int, status: int) -> Sample:
    """Sends each request once, in order; every answer must have this status. The last few, one for each connection, fill
    the time while those before are answered, and are not counted."""
    arguments = [requests.path, str(requests.count - connections), str(status)]
    return _run(port, pid, arguments, connections, 60)[0]


def _run(port: int, pid: int, arguments: list[str], connections: int, seconds: int) -> tuple[Sample, float]:
    command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "20s", "-s", str(SCRIPT)]
    command += [f"http://127.0.0.1:{port}/", "--", *arguments]
    before = processor_seconds(pid)
    done = subprocess.run(on_core(LOAD_CORE, command), capture_output=True, text=True, check=False)
    used = processor_seconds(pid) - before
    found = re.search(r"^bench (\d+) ([\d.]+|inf) (\d+) (\d+) ([\d.]+) ([\d.]+) ([\d.]+)$", done.stdout, re.M)
    if done.returncode or not found:
        raise LoadFailed(f"wrk failed: {done.stdout}{done.stderr}")
    answered, took, wrong, broken = int(found[1]), float(found[2]), int(found[3]), int(found[4])
    if wrong or broken or not answered or took == float("inf"):
        example = re.search(r"^bench-wrong (.*)$", done.stdout, re.M)
        raise LoadFailed(
            f"{wrong} of {answered} answers were not as they should be, {broken} connections failed, {took} s"
            f"{': ' + example[1] if example else ''}"
        )
    return Sample(answered, took, used, float(found[5]), float(found[6])), float(found[7])


def is_there() -> bool:
    """Whether `wrk` is installed."""
    return shutil.which("wrk") is not None
