"""Child processes of the demonstration: started with a log each, waited for, and ended by their own identifiers."""

import os
import socket
import subprocess
import time


class NotReady(Exception):
    """A part of the demonstration did not start."""


def free_ports(count):
    """Ports on 127.0.0.1 that nobody listens on, all different."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def is_taken(port):
    """Whether somebody listens on a port of 127.0.0.1."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Children:
    """All child processes; a context that ends them."""

    def __init__(self, log_directory):
        self.log_directory = log_directory
        self.running = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    def start(self, name, command, environment=None, port=None, seconds=20):
        """Starts a command and waits until it listens on a port."""
        if port is not None and is_taken(port):
            raise NotReady(f"{name}: port {port} is taken; end what listens there, or choose another")
        log_path = self.log_directory / f"{name}.log"
        try:
            with open(log_path, "wb") as log:
                child = subprocess.Popen(
                    [str(part) for part in command],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    env={**os.environ, **(environment or {})},
                    # Control-C is for the driver, which then ends the children in order.
                    start_new_session=True,
                )
        except OSError as problem:
            raise NotReady(f"{name} cannot be started: {problem}") from problem
        self.running.append((name, child, log_path))
        if port is not None:
            self._wait(name, child, log_path, port, seconds)
        return child

    def _wait(self, name, child, log_path, port, seconds):
        deadline = time.monotonic() + seconds
        while not is_taken(port):
            if child.poll() is not None:
                raise NotReady(f"{name} ended with code {child.returncode}:\n{tail(log_path)}")
            if time.monotonic() > deadline:
                raise NotReady(f"{name} does not listen on port {port} after {seconds} s:\n{tail(log_path)}")
            time.sleep(0.05)

    def ended(self):
        """The names of those that ended by themselves."""
        return [name for name, child, _ in self.running if child.poll() is not None]

    def stop(self):
        """Ends all, the last one first."""
        for _, child, _ in reversed(self.running):
            if child.poll() is None:
                child.terminate()
        for _, child, _ in reversed(self.running):
            try:
                child.wait(timeout=5)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
        self.running.clear()


def tail(path, lines=15):
    """The last lines of a log."""
    with open(path, encoding="utf-8", errors="replace") as file:
        return "".join(file.readlines()[-lines:]).rstrip() or "(its log is empty)"
