"""The servers under measurement: certificates, start, stop by pid, processor time per thread."""
import json
import os
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import tempfile
import time

START_SECONDS_MAX = 15
STOP_SECONDS_MAX = 10


def run(command, **more):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, **more).stdout


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Server:
    """One running server. `name` is sluice or peer."""

    def __init__(self, bench, name, program, io_threads, more=()):
        self.name = name
        self.bench = bench
        self.program = program
        self.port = free_port()
        self.dir = tempfile.mkdtemp(prefix=name + "-", dir=bench.dir)
        certs = bench.certs
        command = [program, "--port", "0", "--tls-port", str(self.port), "--bind", "127.0.0.1",
                   "--save", "", "--appendonly", "no", "--dir", self.dir,
                   "--io-threads", str(io_threads), "--tls-ca-cert-file", certs + "/ca.crt",
                   "--tls-cert-file", certs + "/server.crt", "--tls-key-file", certs + "/server.key"]
        self.log = open(self.dir + "/log", "wb")
        self.process = subprocess.Popen(command + list(more), stdout=self.log,
                                        stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                        cwd=self.dir)
        self.pid = self.process.pid
        self.await_ready()

    def await_ready(self):
        deadline = time.time() + START_SECONDS_MAX
        while True:
            if self.process.poll() is not None or time.time() > deadline:
                with open(self.dir + "/log") as log:
                    raise RuntimeError("%s did not start:\n%s" % (self.program, log.read()[-2000:]))
            try:
                with self.connect() as client:
                    client.sendall(b"PING\r\n")
                    if client.recv(64).startswith(b"+PONG"):
                        return
            except OSError:
                time.sleep(0.05)

    def connect(self):
        raw = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return self.bench.client_context.wrap_socket(raw, server_hostname="localhost")

    def stop(self):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(STOP_SECONDS_MAX)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.log.close()
        shutil.rmtree(self.dir, ignore_errors=True)

    def version(self):
        text = run([self.program, "--version"])
        match = re.search(r"v=(\S+)", text)
        return match.group(1) if match else text.strip()

    def thread_times(self):
        """{thread id: (name, seconds on a processor)} from the scheduler's nanosecond clock."""
        times = {}
        base = "/proc/%d/task" % self.pid
        for tid in os.listdir(base):
            try:
                with open("%s/%s/comm" % (base, tid)) as f:
                    name = f.read().strip()
                with open("%s/%s/schedstat" % (base, tid)) as f:
                    times[int(tid)] = (name, int(f.read().split()[0]) / 1e9)
            except FileNotFoundError:
                continue
        return times

    def used_since(self, before):
        """Seconds by kind of thread since `before`: main, io, other, all."""
        used = {"main": 0.0, "io": 0.0, "other": 0.0}
        for tid, (name, seconds) in self.thread_times().items():
            seconds -= before.get(tid, (name, 0.0))[1]
            if tid == self.pid:
                kind = "main"
            elif re.match(r"io[-_]", name):
                kind = "io"
            else:
                kind = "other"
            used[kind] += seconds
        used["all"] = used["main"] + used["io"] + used["other"]
        return used

    def resident_bytes(self):
        with open("/proc/%d/status" % self.pid) as f:
            return int(re.search(r"VmRSS:\s+(\d+)", f.read()).group(1)) * 1024

    def send_all(self, commands, replies):
        """Sends commands (bytes) and waits for that many one-line replies."""
        with self.connect() as client:
            seen = 0
            for chunk in commands:
                client.sendall(chunk[0])
                wanted = chunk[1]
                while wanted > 0:
                    got = client.recv(65536)
                    if not got:
                        raise RuntimeError("the server closed the connection")
                    wanted -= got.count(b"\r\n")
                seen += chunk[1]
        assert seen == replies

    def load_keys(self, count, size):
        """SETs key:000000000000 ... as redis-benchmark -r names them."""
        value = b"x" * size
        batch = max(1, min(1000, 4000000 // (size + 64)))

        def chunks():
            for start in range(0, count, batch):
                stop = min(start + batch, count)
                yield (b"".join(b"*3\r\n$3\r\nSET\r\n$16\r\nkey:%012d\r\n$%d\r\n%s\r\n"
                                % (i, size, value) for i in range(start, stop)), stop - start)
        self.send_all([(b"*1\r\n$8\r\nFLUSHALL\r\n", 1)], 1)
        self.send_all(chunks(), count)


class Bench:
    """Certificates, the helper program, a folder that is removed, and the servers started in it."""

    def __init__(self, options):
        self.options = options
        self.servers = []

    def __enter__(self):
        self.dir = tempfile.mkdtemp(prefix="sluice-bench-")
        self.certs = os.path.join(self.dir, "certs")
        self.make_certificates()
        self.client_context = ssl.create_default_context(cafile=self.certs + "/ca.crt")
        self.client_context.load_cert_chain(self.certs + "/client.crt", self.certs + "/client.key")
        self.helper = self.build_helper()
        return self

    def __exit__(self, *_):
        for server in list(self.servers):
            self.stop(server)
        shutil.rmtree(self.dir, ignore_errors=True)

    def build_helper(self):
        source = os.path.join(self.options.root, "bench/tls-clients.c")
        program = os.path.join(self.options.root, "build/bench/tls-clients")
        if not os.path.exists(program) or os.path.getmtime(program) < os.path.getmtime(source):
            os.makedirs(os.path.dirname(program), exist_ok=True)
            run(["cc", "-O2", "-g", source, "-o", program, "-lssl", "-lcrypto"])
        return program

    def make_certificates(self):
        os.makedirs(self.certs)
        c = self.certs

        def key(name):
            run(["openssl", "ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out",
                 "%s/%s.key" % (c, name)])
        key("ca")
        run(["openssl", "req", "-x509", "-new", "-key", c + "/ca.key", "-days", "30", "-subj",
             "/CN=bench-ca", "-out", c + "/ca.crt"])
        for name, usage in (("server", "serverAuth"), ("client", "clientAuth")):
            key(name)
            with open("%s/%s.ext" % (c, name), "w") as f:
                f.write("extendedKeyUsage=%s\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n" % usage)
            run(["openssl", "req", "-new", "-key", "%s/%s.key" % (c, name), "-subj", "/CN=" + name,
                 "-out", "%s/%s.csr" % (c, name)])
            run(["openssl", "x509", "-req", "-in", "%s/%s.csr" % (c, name), "-CA", c + "/ca.crt",
                 "-CAkey", c + "/ca.key", "-CAcreateserial", "-days", "30", "-extfile",
                 "%s/%s.ext" % (c, name), "-out", "%s/%s.crt" % (c, name)])

    def start(self, name, io_threads=None, more=()):
        own = name == "sluice"
        program = self.options.server if own else self.options.peer
        extra = shlex.split(self.options.server_args if own else self.options.peer_args)
        default = self.options.io_threads if own else self.options.peer_io_threads
        server = Server(self, name, program, io_threads or default, list(more) + extra)
        self.servers.append(server)
        return server

    def stop(self, server):
        self.servers.remove(server)
        server.stop()

    def helper_command(self, server, mode, cert=True, more=()):
        command = [self.helper, mode, "-p", str(server.port), "-a", self.certs + "/ca.crt"]
        if cert:
            command += ["-t", self.certs + "/client.crt", "-k", self.certs + "/client.key"]
        return command + [str(word) for word in more]

    def run_helper(self, server, mode, cert=True, more=(), seconds=120):
        output = run(self.helper_command(server, mode, cert, more), timeout=seconds)
        return json.loads(output.strip().split("\n")[-1])

    def describe(self):
        with open("/proc/cpuinfo") as f:
            model = re.search(r"model name\s*: (.*)", f.read())
        names = {}
        for name in ("sluice", "peer"):
            server = self.start(name)
            names[name] = "%s %s" % (os.path.basename(server.program), server.version())
            self.stop(server)
        names["sluice"] = names["sluice"].replace("redis-server", "sluice", 1) \
            if "/usr/bin/" not in self.options.server else names["sluice"]
        return {"cores": os.cpu_count(), "model": model.group(1) if model else "?",
                "kernel": os.uname().release, "time": time.strftime("%Y-%m-%d %H:%M"),
                "openssl": ssl.OPENSSL_VERSION, "io_threads": self.options.io_threads,
                "peer_io_threads": self.options.peer_io_threads,
                "server_args": self.options.server_args,
                "client": self.options.client, "rounds": self.options.rounds,
                "server": names["sluice"], "peer": names["peer"]}
