"""A Docker engine for one run: the one that is there, or one of our own that is ended again.

Our own has its own data, socket and process, touches no firewall rule, and leaves nothing behind.
"""

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

SUITE, MIRROR = "trixie", os.environ.get("DEBIAN_MIRROR", "")
PUBLIC_BASE, LOCAL_BASE = "debian:trixie-slim", "vestibule-base:trixie"


def run(command, seconds=600, check=True, **more):
    """Runs a command and gives what it printed; a failure shows it."""
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=seconds, **more)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(map(str, command))}: {done.returncode}\n{done.stdout[-4000:]}\n{done.stderr[-4000:]}")
    return done


def _ends_with_us() -> None:
    """Has the kernel end this process when the one that started it is killed (PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGTERM)


class Engine:
    """Use it as a context. `docker` and `compose` run commands against it; `own` says whether it was started here."""

    def __init__(self):
        self.own = False
        self.environment = dict(os.environ)
        self._process = self._place = None

    def __enter__(self):
        if self.docker("info", check=False, seconds=60).returncode != 0:
            self._start()
        self._compose = ["docker", "compose"]
        if self.docker("compose", "version", check=False).returncode != 0:
            assert shutil.which("docker-compose"), "docker compose is missing (Debian: apt-get install docker-compose)"
            self._compose = ["docker-compose"]
        return self

    def __exit__(self, *_):
        if self.own:
            self._end()

    def docker(self, *arguments, **more):
        return run(["docker", *arguments], env=self.environment, **more)

    def compose(self, *arguments, environment=None, **more):
        return run([*self._compose, *arguments], env=self.environment | (environment or {}), **more)

    def _start(self):
        daemon = shutil.which("dockerd")
        assert daemon and os.geteuid() == 0, "no Docker engine answers, and none can be started (dockerd, as root)"
        self._place = Path(tempfile.mkdtemp(prefix="vestibule-docker-"))
        socket = self._place / "docker.sock"
        # The group of the socket is root's, so that nobody else may use it.
        command = [daemon, "--data-root", self._place / "data", "--exec-root", self._place / "exec"]
        command += ["--pidfile", self._place / "pid", "--host", f"unix://{socket}", "--group", "root"]
        # Published ports are forwarded by a process of Docker's: this computer's firewall stays as it is.
        command += ["--iptables=false", "--ip6tables=false", "--ip-masq=false", "--bridge=none"]
        log = (self._place / "log").open("wb")
        self._process = subprocess.Popen(
            [str(part) for part in command], stdout=log, stderr=log, start_new_session=True, preexec_fn=_ends_with_us
        )
        self.own = True
        # Without a bridge only the older builder works; the newer asks for one, even where nothing wants the network.
        self.environment |= {"DOCKER_HOST": f"unix://{socket}", "DOCKER_BUILDKIT": "0"}
        until = time.monotonic() + 120
        while self.docker("info", check=False).returncode != 0:
            if self._process.poll() is not None or time.monotonic() > until:
                text = (self._place / "log").read_text(errors="replace")[-3000:]
                self._end()
                raise AssertionError(f"dockerd did not start:\n{text}")
            time.sleep(0.5)

    def _end(self):
        self._process.terminate()
        try:
            self._process.wait(60)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        for line in reversed(Path("/proc/mounts").read_text().splitlines()):
            mounted = line.split()[1]
            if mounted.startswith(f"{self._place}/"):
                subprocess.run(["umount", mounted], check=False)
        shutil.rmtree(self._place)

    def base_image(self) -> tuple[str, str]:
        """An image of Debian 13, and where it is from: a registry, or made here by debootstrap.

        In an engine of our own containers have no way out, so that Python could not be added to the public image.
        """
        if not self.own:
            for image in (LOCAL_BASE, PUBLIC_BASE):
                if self.docker("image", "inspect", image, check=False).returncode == 0:
                    return image, "this engine"
            if self.docker("pull", PUBLIC_BASE, check=False, seconds=300).returncode == 0:
                return PUBLIC_BASE, "a registry"
        assert shutil.which("debootstrap"), "no registry answers; debootstrap makes a base image (apt-get install debootstrap)"
        cached = Path(os.environ["VESTIBULE_TOOLS"]) / "compose-base.tar"
        if not cached.exists():
            with tempfile.TemporaryDirectory(prefix="vestibule-base-") as place:
                root = Path(place) / "root"
                mirror = [MIRROR] if MIRROR else []
                command = ["debootstrap", "--variant=minbase", "--include=python3,ca-certificates", SUITE, root, *mirror]
                run(command, seconds=1800)
                for entry in ("var/cache/apt", "var/lib/apt/lists", "usr/share/doc"):
                    shutil.rmtree(root / entry, ignore_errors=True)
                part = cached.with_suffix(".part")
                run(["tar", "--numeric-owner", "--one-file-system", "-C", root, "-cf", part, "."], seconds=600)
                part.rename(cached)
        self.docker("import", cached, LOCAL_BASE, seconds=600)
        return LOCAL_BASE, "debootstrap"

    def left(self, project: str) -> list[str]:
        """Containers, volumes and networks of a compose project that are still there."""
        label = ["--filter", f"label=com.docker.compose.project={project}", "--quiet"]
        kinds = [("ps", "--all"), ("volume", "ls"), ("network", "ls")]
        return [line for kind in kinds for line in self.docker(*kind, *label).stdout.split()]
