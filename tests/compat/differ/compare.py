"""Whether two replies to one command are the same, as far as Redis promises anything."""
import fnmatch

from .wire import value_of

# Arrays whose order means nothing.
UNORDERED = {b"keys", b"smembers", b"sinter", b"sunion", b"sdiff", b"hkeys", b"hvals"}
# Likewise, but of pairs: flat in RESP2, maps in RESP3.
UNORDERED_PAIRS = {b"hgetall", b"config"}
# The reference prints doubles with 17 digits, level 8.0 the shortest digits that mean the same.
DOUBLES = {b"zadd", b"zincrby", b"zscore", b"zmscore", b"zrange", b"zrevrange", b"zrangebyscore",
           b"zrevrangebyscore", b"zpopmin", b"zpopmax", b"zmpop", b"bzmpop", b"bzpopmin",
           b"bzpopmax", b"zunion", b"zinter", b"zdiff", b"zrank", b"zrevrank", b"geodist",
           b"geopos"}
# Numbers that depend on when a command ran: the difference that is allowed.
TOLERANCE = {b"ttl": 5, b"expiretime": 5, b"pttl": 5000, b"pexpiretime": 5000}


def text_of(value):
    """A value as one line: what the list of known differences is matched with."""
    kind, content = value
    if content is None:
        return kind + "null"
    if isinstance(content, list):
        return kind + "[" + " ".join(text_of(item) for item in content) + "]"
    return kind + content.decode("latin-1")


def digits_of(text):
    """The significant digits of a number."""
    return text.lower().split("e")[0].replace("-", "").replace(".", "").strip("0")


def same_double(reference, ours):
    try:
        left, right = float(reference), float(ours)
    except ValueError:
        return False
    if left != right:
        return False
    is_integer = abs(right) < 2**63 and right == int(right)
    return is_integer or digits_of(ours.decode()) == digits_of(repr(right))


def same_with_doubles(left, right):
    if left == right:
        return True
    if left[0] != right[0] or left[1] is None or right[1] is None:
        return False
    if isinstance(left[1], list):
        return len(left[1]) == len(right[1]) and all(map(same_with_doubles, left[1], right[1]))
    return left[0] in "$," and same_double(left[1], right[1])


def pairs_of(items):
    return sorted(zip(items[::2], items[1::2]), key=repr)


def sorted_items(value):
    return (value[0], sorted(value[1], key=repr)) if isinstance(value[1], list) else value


def without_fields(value, names):
    """HELLO's reply without what is the server's own."""
    if not isinstance(value[1], list):
        return value
    pairs = zip(value[1][::2], value[1][1::2])
    return (value[0], [pair for pair in pairs if pair[0][1] not in names])


def is_same(step, left, right):
    """Whether the raw replies of reference and ours to a step mean the same."""
    if left == right:
        return True
    name = (step[0] if isinstance(step, tuple) else step.split()[0]).lower()
    left, right = value_of(left), value_of(right)
    if left[0] != right[0]:
        return False
    if name in UNORDERED:
        return sorted_items(left) == sorted_items(right)
    if name in UNORDERED_PAIRS and isinstance(left[1], list) and isinstance(right[1], list):
        return pairs_of(left[1]) == pairs_of(right[1])
    if name in DOUBLES:
        return same_with_doubles(left, right)
    if name in TOLERANCE and left[0] == ":":
        a, b = int(left[1]), int(right[1])
        return a >= 0 and b >= 0 and abs(a - b) <= TOLERANCE[name]
    if name == b"hello":
        own = (b"server", b"version", b"id", b"modules")
        return without_fields(left, own) == without_fields(right, own)
    return False


class Known:
    """tests/compat/differential.known: differences that are meant, and how often each was met."""

    def __init__(self, path):
        self.rows = []
        with open(path, encoding="latin-1") as lines:
            for line in lines:
                line = line.strip()
                if not line or line.startswith("#"):
                    continue
                fields = [field.strip() for field in line.split(" | ")]
                if len(fields) != 4:
                    raise SystemExit("differential.known: not understood: " + line)
                self.rows.append(fields + [0])

    def accepts(self, step, left, right):
        """True when a row matches the command line and both replies."""
        command = (b" ".join(step) if isinstance(step, tuple) else step).decode("latin-1").lower()
        left, right = text_of(value_of(left)), text_of(value_of(right))
        for row in self.rows:
            if (fnmatch.fnmatchcase(command, row[0]) and fnmatch.fnmatchcase(left, row[1])
                    and fnmatch.fnmatchcase(right, row[2])):
                row[4] += 1
                return True
        return False

    def unused(self):
        return [row for row in self.rows if not row[4]]
