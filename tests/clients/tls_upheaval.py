#!/usr/bin/env python3
"""Clients that verify every reply while the server's TLS is turned upside down.

CLIENTS connections send commands over mutual TLS and compare each reply, byte by byte, with the only
right one. Meanwhile certificates are exchanged by CONFIG SET and by tls-auto-reload-interval, ticket
keys rotate each second, the number of I/O threads changes, and a storm of new connections shakes
hands. A wrong byte, a lost reply or a connection that breaks is a failure. At the end the events are
counted in INFO: a run in which something did not happen is a failure, too.

Usage: tls_upheaval.py --port N --cert F --key F --ca F --pair CERT:KEY --pair CERT:KEY
                       --live CERT:KEY [--seconds 6] [--clients 200] [--seed 1]
The live pair is a path that the server loads and this program overwrites.
"""
import argparse
import asyncio
import random
import shutil
import socket
import ssl
import sys
import time


def encode(*words):
    parts = [b"*%d\r\n" % len(words)]
    for word in words:
        word = word if isinstance(word, bytes) else str(word).encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(word), word))
    return b"".join(parts)


def bulk(value):
    return b"$%d\r\n%s\r\n" % (len(value), value)


class Failure(Exception):
    pass


class Upheaval:
    def __init__(self, options):
        self.options = options
        self.connected = 0
        self.all_connected = None
        self.slots = None
        self.verified = 0
        self.handshakes = 0
        self.storm_resets = 0
        self.is_over = False
        self.context = self.make_context()

    def make_context(self):
        context = ssl.create_default_context(cafile=self.options.ca)
        context.check_hostname = False
        context.load_cert_chain(self.options.cert, self.options.key)
        return context

    async def connect(self):
        return await asyncio.wait_for(
            asyncio.open_connection("127.0.0.1", self.options.port, ssl=self.context, limit=1 << 20), 30)

    # -- the verifying clients --

    def next_command(self, dice, name, state):
        """One command and its only right reply, by a model of this client's own keys."""
        key = b"%s:%d" % (name, dice.randrange(4))
        kind = dice.randrange(5)
        if kind == 0:
            size = dice.choice((0, 1, 60, 500, 4000, 17000, 40000))
            state[key] = bytes(dice.getrandbits(8) for _ in range(min(size, 64))) * (size // 64 + 1)
            state[key] = state[key][:size]
            return encode("SET", key, state[key]), b"+OK\r\n"
        if kind == 1:
            return encode("GET", key), bulk(state[key]) if key in state else b"$-1\r\n"
        if kind == 2:
            counter = name + b":n"
            state[counter] = state.get(counter, 0) + 1
            return encode("INCR", counter), b":%d\r\n" % state[counter]
        if kind == 3:
            text = b"%s-%d" % (name, dice.getrandbits(40))
            return encode("ECHO", text), bulk(text)
        existed = state.pop(key, None) is not None
        return encode("DEL", key), b":%d\r\n" % existed

    async def client(self, number):
        dice = random.Random(self.options.seed * 1000 + number)
        name = b"client%d" % number
        async with self.slots:
            reader, writer = await self.connect()
        self.connected += 1
        if self.connected == self.options.clients:
            self.all_connected.set()
        writer.write(encode("DEL", *[name + b":%d" % i for i in range(4)], name + b":n"))
        await asyncio.wait_for(reader.readuntil(b"\r\n"), 30)
        state = {}
        while not self.is_over:
            requests, replies = zip(*(self.next_command(dice, name, state)
                                      for _ in range(dice.choice((1, 1, 3, 10)))))
            writer.write(b"".join(requests))
            for wanted in replies:
                try:
                    got = await asyncio.wait_for(reader.readexactly(len(wanted)), 30)
                except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError) as error:
                    raise Failure(f"client {number} lost its connection: {error!r}")
                except asyncio.TimeoutError:
                    raise Failure(f"client {number}: a reply did not come")
                if got != wanted:
                    raise Failure(f"client {number}: wanted {wanted[:60]!r}, got {got[:60]!r}")
                self.verified += 1
            await asyncio.sleep(dice.random() * 0.02)
        writer.close()

    # -- what happens to them --

    async def ask(self, *words):
        self.control[1].write(encode(*words))
        line = await asyncio.wait_for(self.control[0].readuntil(b"\r\n"), 30)
        if line[:1] == b"$":
            body = await self.control[0].readexactly(int(line[1:]) + 2)
            return body[:-2].decode()
        return line.strip().decode()

    async def order(self, *words):
        reply = await self.ask(*words)
        if reply != "+OK":
            raise Failure(f"{words}: {reply}")

    async def facts(self):
        lines = (await self.ask("INFO", "everything")).splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def session(self, offered=None):
        """A connection of its own: its session, and whether `offered` was resumed."""
        with socket.create_connection(("127.0.0.1", self.options.port), 30) as plain:
            with self.context.wrap_socket(plain, session=offered) as secure:
                secure.sendall(b"PING\r\n")
                secure.recv(100)
                return secure.session, secure.session_reused

    async def storm(self, seconds):
        """Full handshakes as fast as this process can, a fifth of them given up half way."""
        ends = time.monotonic() + seconds

        async def shake(number):
            while time.monotonic() < ends or self.handshakes < 10:
                if number % 5 == 0:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.options.port)
                    writer.write(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03")
                    await asyncio.sleep(0.01)
                    writer.close()
                    continue
                reader, writer = await self.connect()
                writer.write(b"PING\r\n")
                if await asyncio.wait_for(reader.readexactly(7), 30) != b"+PONG\r\n":
                    raise Failure("a new connection got something else than PONG")
                self.handshakes += 1
                writer.close()

        await asyncio.gather(*(shake(i) for i in range(10)))

    async def upheave(self):
        dice = random.Random(self.options.seed)
        pairs = [pair.split(":") for pair in self.options.pair]
        live = self.options.live.split(":")
        await self.all_connected.wait()
        session, _ = await asyncio.to_thread(self.session)
        resumed_at_once = (await asyncio.to_thread(self.session, session))[1]
        started = time.monotonic()
        await self.order("CONFIG", "SET", "tls-ticket-key-rotation", "1")
        await self.order("CONFIG", "SET", "tls-auto-reload-interval", "1")
        number = 0
        while number < 3 or time.monotonic() < started + self.options.seconds:
            number += 1
            cert, key = pairs[number % len(pairs)]
            await self.order("CONFIG", "SET", "tls-cert-file", cert, "tls-key-file", key)
            await self.order("CONFIG", "SET", "io-threads", str(dice.choice((1, 2, 3, 4, 6))))
            await self.storm(0.3)
            await self.order("CONFIG", "SET", "tls-cert-file", live[0], "tls-key-file", live[1])
            shutil.copy(pairs[(number + 1) % len(pairs)][1], live[1])
            shutil.copy(pairs[(number + 1) % len(pairs)][0], live[0])
            await asyncio.sleep(0.6)
        # Some rotations later its key is gone.
        resumed_late = True
        while resumed_late and time.monotonic() < started + self.options.seconds + 30:
            await asyncio.sleep(0.5)
            resumed_late = (await asyncio.to_thread(self.session, session))[1]
        if not resumed_at_once:
            raise Failure("a ticket was not taken before the keys rotated")
        if resumed_late:
            raise Failure("a ticket was taken after its key had rotated away")
        self.is_over = True

    async def run(self):
        self.all_connected = asyncio.Event()
        self.slots = asyncio.Semaphore(20)
        self.control = await self.connect()
        before = await self.facts()
        tasks = [asyncio.create_task(self.client(i)) for i in range(self.options.clients)]
        tasks.append(asyncio.create_task(self.upheave()))
        try:
            await asyncio.gather(*tasks)
        finally:
            for task in tasks:
                task.cancel()
        after = await self.facts()

        def grown(name):
            return int(after[name]) - int(before[name])

        reloads = grown("tls_reloads_done")
        print(f"{self.options.clients} clients verified {self.verified} replies, none wrong or lost; "
              f"{reloads} reloads, {self.handshakes} handshakes of the storm, "
              f"{grown('io_placement_moved')} connections moved, "
              f"{grown('tls_handshakes_failed')} given up")
        if reloads < 2 or self.handshakes < 10 or self.verified < self.options.clients:
            raise Failure("too little happened")


def main():
    parser = argparse.ArgumentParser()
    for name in ("cert", "key", "ca", "live"):
        parser.add_argument("--" + name, required=True)
    parser.add_argument("--pair", action="append", required=True)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--seconds", type=float, default=6)
    parser.add_argument("--seed", type=int, default=1)
    try:
        asyncio.run(Upheaval(parser.parse_args()).run())
    except Failure as failure:
        print(f"FAILED: {failure}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
