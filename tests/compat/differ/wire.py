"""RESP as bytes: encoding of commands, splitting and reading of replies, one connection.

Replies are compared as raw bytes first; only those that differ are read into values. A value is a
pair (kind, content): kind is the reply's first character, content is bytes, None for a null, or a
list of values (a map's keys and values alternate).
"""
import socket

CLOSED = b"<closed>"
TIMED_OUT = b"<no reply>"


class Inline(bytes):
    """A command line of the inline protocol, sent as it is."""


def encode(step):
    """The bytes of one command: a tuple of arguments, or an Inline."""
    if isinstance(step, Inline):
        return step + b"\r\n"
    parts = [b"*%d\r\n" % len(step)]
    for argument in step:
        parts.append(b"$%d\r\n%s\r\n" % (len(argument), argument))
    return b"".join(parts)


def reply_end(data, at):
    """Where the reply that begins at `at` ends, or -1 when bytes are missing."""
    wanted = 1
    while wanted:
        line_end = data.find(b"\r\n", at)
        if line_end < 0:
            return -1
        kind = data[at]
        next_at = line_end + 2
        if kind in b"$=!":
            size = int(data[at + 1:line_end])
            if size >= 0:
                next_at += size + 2
                if next_at > len(data):
                    return -1
        elif kind in b"*~>":
            wanted += max(int(data[at + 1:line_end]), 0)
        elif kind == 0x25:  # a map
            wanted += 2 * int(data[at + 1:line_end])
        elif kind == 0x7c:  # attributes, in front of what they belong to
            wanted += 2 * int(data[at + 1:line_end]) + 1
        elif kind not in b"+-:_,#(":
            raise ValueError("not a reply: %r" % data[at:at + 60])
        at = next_at
        wanted -= 1
    return at


def read_value(data, at=0):
    """The value at `at` and where the next one begins."""
    line_end = data.index(b"\r\n", at)
    kind = chr(data[at])
    rest = data[at + 1:line_end]
    at = line_end + 2
    if kind in "$=!":
        size = int(rest)
        if size < 0:
            return (kind, None), at
        return (kind, data[at:at + size]), at + size + 2
    if kind in "*~>%":
        count = int(rest)
        if count < 0:
            return (kind, None), at
        items = []
        for _ in range(2 * count if kind == "%" else count):
            item, at = read_value(data, at)
            items.append(item)
        return (kind, items), at
    return (kind, None if kind == "_" else rest), at


def value_of(raw):
    if raw in (CLOSED, TIMED_OUT):
        return ("!", raw)
    return read_value(raw)[0]


class Link:
    """A connection to one server. After `is_closed` nothing can be sent."""

    def __init__(self, port, context=None, timeout=10.0):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context:
            self.socket = context.wrap_socket(self.socket)
        self.pending = b""
        self.is_closed = False

    def close(self):
        self.is_closed = True
        self.socket.close()

    def send(self, data):
        if self.is_closed:
            return
        try:
            self.socket.sendall(data)
        except socket.timeout:
            raise
        except OSError:
            self.is_closed = True

    def _receive(self):
        try:
            data = self.socket.recv(262144)
        except socket.timeout:
            return TIMED_OUT
        except OSError:
            data = b""
        if not data:
            self.is_closed = True
            return CLOSED
        self.pending += data
        return None

    def replies(self, count):
        """The next `count` replies; CLOSED or TIMED_OUT stands for those that do not come."""
        result = []
        at = 0
        while len(result) < count:
            end = reply_end(self.pending, at) if at < len(self.pending) else -1
            if end >= 0:
                result.append(self.pending[at:end])
                at = end
                continue
            self.pending = self.pending[at:]
            at = 0
            trouble = self._receive()
            if trouble:
                return result + [trouble] * (count - len(result))
        self.pending = self.pending[at:]
        return result

    def ask(self, *arguments):
        """One command, one reply as a value."""
        self.send(encode(arguments))
        return value_of(self.replies(1)[0])
