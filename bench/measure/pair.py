"""Two servers without TLS on free ports of 127.0.0.1, asked in turns: redis-server of the system
(or another) and ours. They live in a temporary folder and end with the `with` block."""
import os
import shutil
import socket
import subprocess
import tempfile
import time

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", ".."))


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def encode(words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


class Server:
    def __init__(self, name, program, options, folder):
        self.name = name
        self.port = free_port()
        self.process = subprocess.Popen(
            [program, "--bind", "127.0.0.1", "--port", str(self.port), "--save", "", "--dir",
             folder, "--logfile", os.path.join(folder, name + ".log")] + options,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 20
        while True:
            try:
                self.socket = socket.create_connection(("127.0.0.1", self.port), 60)
                break
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    raise SystemExit("%s does not start" % program)
                time.sleep(0.02)
        self.file = self.socket.makefile("rb")

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise SystemExit("%s: %s" % (self.name, rest.decode()))
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind == b"*":
            return [self.read() for _ in range(int(rest))]
        return rest

    def ask(self, *words):
        self.socket.sendall(encode([word if isinstance(word, bytes) else str(word).encode()
                                    for word in words]))
        return self.read()

    def load(self, commands, window=2000):
        """Sends all commands (tuples of bytes), so many at a time."""
        pending = []
        for command in commands:
            pending.append(encode(command))
            if len(pending) == window:
                self._flush(pending)
        self._flush(pending)

    def _flush(self, pending):
        self.socket.sendall(b"".join(pending))
        for _ in pending:
            self.read()
        pending.clear()

    def used_memory(self):
        for line in self.ask("INFO", "memory").split(b"\r\n"):
            if line.startswith(b"used_memory:"):
                return int(line[12:])
        raise SystemExit("no used_memory")

    def cpu_ns(self, main_only):
        """Nanoseconds that the main thread (or all of them) ran."""
        folder = "/proc/%d/task" % self.process.pid
        total = 0
        for task in os.listdir(folder):
            if main_only and int(task) != self.process.pid:
                continue
            with open("%s/%s/schedstat" % (folder, task), encoding="ascii") as file:
                total += int(file.read().split()[0])
        return total

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(60)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Pair:
    """The peer first, then ours."""

    def __init__(self, peer, options=()):
        ours = os.environ.get("SERVER") or os.path.join(ROOT, "src", "redis-server")
        peer = peer or shutil.which("redis-server")
        if not peer:
            raise SystemExit("no redis-server to compare with")
        self.folder = tempfile.mkdtemp(prefix="bench.")
        self.servers = []
        try:
            self.servers.append(Server("peer", peer, [], self.folder))
            self.servers.append(Server("ours", ours, ["--tls-port", "0"] + list(options),
                                       self.folder))
        except BaseException:
            self.__exit__()
            raise

    def __enter__(self):
        return self.servers

    def __exit__(self, *_):
        for server in self.servers:
            server.stop()
        shutil.rmtree(self.folder, ignore_errors=True)


def machine():
    """What shares the machine at the moment, to be kept with figures."""
    with open("/proc/loadavg", encoding="ascii") as file:
        load = file.read().split()[:3]
    return "%d cores, load average %s" % (os.cpu_count(), " ".join(load))
