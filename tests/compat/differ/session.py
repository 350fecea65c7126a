"""Runs one sequence on both servers and shortens one that shows a difference."""
import random

from .compare import is_same
from .grammar import Maker
from .special import check_of
from .values import Values
from .wire import CLOSED, TIMED_OUT, Inline, encode, value_of

CHUNK_BYTES_MAX = 200 * 1024
DUMPED_KEYS_MAX = 100
DUMP = {b"string": (b"GET",), b"list": (b"LRANGE", b"0", b"-1"), b"set": (b"SMEMBERS",),
        b"hash": (b"HGETALL",), b"zset": (b"ZRANGE", b"0", b"-1", b"WITHSCORES")}


class Sequence:
    """What one seed and index make: steps, protocol, and how many of them go into one write."""

    def __init__(self, seed, index, family, templates, types, length):
        chance = random.Random("%d:%d" % (seed, index))
        self.index = index
        self.family = family
        self.values = Values(chance, family, types)
        self.protocol = chance.choice([2, 3])
        self.chunk = chance.choice([1, 1, 4, 16, 1000])
        maker = Maker(templates, self.values)
        steps = self.prologue([name for name in types if name != family.split("-")[0]])
        steps += [maker.command() for _ in range(length)]
        self.steps = steps

    def prologue(self, types):
        """One key of each other type, for commands that meet a wrong one."""
        element = self.values.element
        fill = {"strings": lambda: (b"SET", b"s1", element()),
                "lists": lambda: (b"RPUSH", b"l1", element(), element()),
                "sets": lambda: (b"SADD", b"e1", element(), element()),
                "zsets": lambda: (b"ZADD", b"z1", b"1", element(), b"2", element()),
                "hashes": lambda: (b"HSET", b"h1", b"f1", element())}
        if self.family == "connection":
            return []
        return [fill[name]() for name in types if name in fill]


class ReplyMode:
    """Which commands are answered, by CLIENT REPLY."""

    def __init__(self):
        self.is_off = False
        self.skip_next = False

    def expects(self, step):
        skipped = self.skip_next
        self.skip_next = False
        words = [word.upper() for word in step] if isinstance(step, tuple) else []
        if words[:1] == [b"RESET"] and len(words) == 1:
            self.is_off = False
        elif words[:2] == [b"CLIENT", b"REPLY"] and len(words) == 3:
            if words[2] == b"ON":
                self.is_off = False
                return True
            elif words[2] == b"OFF":
                self.is_off = True
            elif words[2] == b"SKIP" and not self.is_off:
                self.skip_next = True
                return False
        return not self.is_off and not skipped


class Difference:
    def __init__(self, at, step, reference, ours, text="replies differ"):
        self.at = at
        self.step = step
        self.reference = reference
        self.ours = ours
        self.text = text

    def key(self):
        """Differences of one kind have one key."""
        def start(raw):
            return raw[:1] + (raw[1:24] if raw[:1] == b"-" else b"")
        name = self.step if isinstance(self.step, Inline) else self.step[0].lower()
        return (name, start(self.reference), start(self.ours))


class Session:
    def __init__(self, pair, known):
        self.pair = pair
        self.known = known
        self.commands = 0
        self.mode = ReplyMode()

    def run(self, sequence, steps):
        """The first difference, or None."""
        if any(link.is_closed for link in self.pair.links):
            self.pair.reconnect()
        difference = self._begin(sequence) or self._run_steps(sequence, steps)
        if not difference and not self.pair.links[0].is_closed:
            difference = self._end(sequence, len(steps))
        if difference or self.pair.links[0].is_closed:
            self.pair.reconnect()
        return difference

    def _begin(self, sequence):
        self.mode = ReplyMode()
        steps = [(b"RESET",), (b"FLUSHALL",)]
        if sequence.protocol == 3:
            steps.append((b"HELLO", b"3"))
        return self._chunk(steps, -1)

    def _run_steps(self, sequence, steps):
        chunk = []
        size = 0
        for i, step in enumerate(steps):
            check = check_of(step)
            if check:
                difference = self._chunk(chunk, i - len(chunk)) or self._special(check, step, i)
                chunk, size = [], 0
            else:
                chunk.append(step)
                size += 0 if isinstance(step, Inline) else sum(map(len, step))
                difference = None
                if len(chunk) >= sequence.chunk or size > CHUNK_BYTES_MAX:
                    difference = self._chunk(chunk, i + 1 - len(chunk))
                    chunk, size = [], 0
            if difference or self.pair.links[0].is_closed:
                return difference
        return self._chunk(chunk, len(steps) - len(chunk))

    def _special(self, check, step, at):
        if not self.mode.expects(step):
            return None
        self.commands += 1
        found = check(self.pair.links, step)
        if not found or self.known.accepts(step, found[1], found[2]):
            return None
        return Difference(at, step, found[1], found[2], found[0])

    def _chunk(self, steps, first, is_ordered=None):
        """Sends the steps in one write, compares what comes; is_ordered: where any order counts."""
        if not steps:
            return None
        data = b"".join(map(encode, steps))
        for link in self.pair.links:
            link.send(data)
        answered = [i for i, step in enumerate(steps) if self.mode.expects(step)]
        left, right = (link.replies(len(answered)) for link in self.pair.links)
        self.commands += len(steps)
        for n, i in enumerate(answered):
            if left[n] == right[n] and left[n] not in (CLOSED, TIMED_OUT):
                continue
            if left[n] == right[n] == CLOSED:
                return None
            if left[n] == TIMED_OUT or right[n] == TIMED_OUT:
                return Difference(first + i, steps[i], left[n], right[n])
            if is_ordered and is_ordered[i] and steps[i][0] != b"ZRANGE":
                return Difference(first + i, steps[i], left[n], right[n], "the order differs")
            if not is_same(steps[i], left[n], right[n]) and not self.known.accepts(
                    steps[i], left[n], right[n]):
                return Difference(first + i, steps[i], left[n], right[n])
        return None

    # -- what is left in the databases --

    def _end(self, sequence, at):
        """Compares all keys of the databases in which keys may be."""
        databases = [b"0"] if sequence.family not in (
            "keys", "connection", "transactions", "expiry", "scan", "misuse") else [
            b"0", b"1", b"2", b"3", b"15"]
        difference = self._chunk([(b"RESET",)], at)
        for database in databases:
            difference = difference or self._compare_keys(sequence, database, at)
        return difference

    def _compare_keys(self, sequence, database, at):
        steps = [(b"SELECT", database), (b"KEYS", b"*")]
        difference = self._chunk(steps, at)
        if difference:
            return difference
        listed = self._ask_all(0, [(b"KEYS", b"*")])[0]
        if not isinstance(listed, list):
            return Difference(at, (b"KEYS", b"*"), TIMED_OUT, TIMED_OUT)
        keys = sorted(item[1] for item in listed)[:DUMPED_KEYS_MAX]
        if not keys:
            return None
        difference = self._chunk([(b"TYPE", key) for key in keys]
                                 + [(b"OBJECT", b"ENCODING", key) for key in keys]
                                 + [(b"PTTL", key) for key in keys], at)
        if difference:
            return difference
        types = self._ask_all(0, [(b"TYPE", key) for key in keys])
        encodings = [self._ask_all(i, [(b"OBJECT", b"ENCODING", key) for key in keys])
                     for i in (0, 1)]
        reads, is_ordered = [], []
        for n, kind in enumerate(types):
            if kind in DUMP:
                reads.append(DUMP[kind][:1] + (keys[n],) + DUMP[kind][1:])
                is_ordered.append(encodings[0][n] == encodings[1][n] in (b"listpack", b"intset"))
        return self._chunk(reads, at, is_ordered)

    def _ask_all(self, i, steps):
        """The texts that reference (0) or ours (1) answers."""
        link = self.pair.links[i]
        link.send(b"".join(map(encode, steps)))
        return [value_of(raw)[1] for raw in link.replies(len(steps))]

    # -- shortening --

    def shorten(self, sequence, steps, difference):
        """A minimal list of steps that shows the same kind of difference, and that difference."""
        steps = steps[:difference.at + 1]
        self.pair.set_patience(1.0)
        size = max(len(steps) // 2, 1)
        while True:
            at = 0
            is_shorter = False
            while at < len(steps):
                candidate = steps[:at] + steps[at + size:]
                found = self.run(sequence, candidate)
                if found and found.key() == difference.key():
                    steps, difference, is_shorter = candidate, found, True
                else:
                    at += size
            if size == 1 and not is_shorter:
                self.pair.set_patience(5.0)
                return steps, difference
            size = max(size // 2, 1)
