"""The two servers: started on free ports of 127.0.0.1 in folders of their own, ended by id."""
import os
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

from .wire import Link

ROOT = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
CERTIFICATES = os.path.join(ROOT, "tests", "tls")


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    def __init__(self, name, program, folder):
        self.name = name
        self.program = program
        self.port = free_port()
        self.folder = os.path.join(folder, name)
        os.mkdir(self.folder)
        self.log = os.path.join(folder, name + ".log")
        self.context = None
        self.process = None

    def start(self, options):
        common = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", self.folder]
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen([self.program] + common + options, stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        deadline = time.monotonic() + 30
        while True:
            try:
                link = Link(self.port, self.context)
                if link.ask(b"PING") == ("+", b"PONG"):
                    link.close()
                    return
            except OSError:
                pass
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("%s does not start:\n%s" % (self.program, self.log_tail()))
            time.sleep(0.02)

    def connect(self, timeout):
        return Link(self.port, self.context, timeout)

    def log_tail(self):
        with open(self.log, "rb") as log:
            return log.read()[-4000:].decode("utf-8", "replace")

    def stop(self):
        """The exit code; negative for a signal."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(60)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()


class Pair:
    """The reference (plaintext) and ours (TLS with I/O threads)."""

    def __init__(self, reference, ours, threads, options=()):
        """`options`: of both, on top of what they need."""
        self.options = list(options)
        self.folder = tempfile.mkdtemp(prefix="differential.")
        self.reference = Server("reference", reference, self.folder)
        self.ours = Server("ours", ours, self.folder)
        self.threads = threads
        self.patience = 5.0
        self.links = []

    def __enter__(self):
        try:
            self._start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def _start(self):
        subprocess.run([os.path.join(ROOT, "utils", "gen-test-certs.sh")], check=True,
                       stdout=subprocess.DEVNULL)
        authority = os.path.join(CERTIFICATES, "ca.crt")
        certificate = os.path.join(CERTIFICATES, "redis.crt")
        key = os.path.join(CERTIFICATES, "redis.key")
        context = ssl.create_default_context(cafile=authority)
        context.check_hostname = False
        context.load_cert_chain(certificate, key)
        self.ours.context = context
        self.reference.start(["--port", str(self.reference.port)] + self.options)
        self.ours.start(["--port", "0", "--tls-port", str(self.ours.port), "--io-threads",
                         str(self.threads), "--tls-cert-file", certificate, "--tls-key-file", key,
                         "--tls-ca-cert-file", authority] + self.options)
        self.reconnect()

    def reconnect(self):
        for link in self.links:
            link.close()
        self.links = [server.connect(self.patience) for server in (self.reference, self.ours)]

    def set_patience(self, seconds):
        """How long a reply is waited for."""
        self.patience = seconds
        for link in self.links:
            link.socket.settimeout(seconds)

    def __exit__(self, *_):
        for link in self.links:
            link.close()
        self.reference.stop()
        self.ours.stop()
        shutil.rmtree(self.folder, ignore_errors=True)
