"""The terminals of the grammar: seeded keys, values and numbers, usual and odd.

Each sequence has a Values of its own: small pools of keys, elements and fields, so that commands
meet the same ones again. What could make a comparison depend on time, block for long, or fill the
memory is never produced: expiries are past or far away, timeouts are milliseconds, offsets small.
"""
KEY_PREFIXES = {"strings": b"s", "lists": b"l", "sets": b"e", "zsets": b"z", "hashes": b"h",
                "zsets-lex": b"x", "bits": b"b", "hyperloglogs": b"p", "geo": b"g"}

BOUNDARIES = [b"9223372036854775807", b"-9223372036854775808", b"9223372036854775808",
              b"-9223372036854775809", b"9223372036854775806", b"2147483648", b"4294967296",
              b"-2147483649", b"18446744073709551616"]
NOT_INTEGERS = [b"", b"abc", b"1.5", b" 1", b"1 ", b"+1", b"01", b"0x10", b"-", b"--1", b"1e3",
                b"-0", b"\x00", b"1\x00", b"99999999999999999999999"]
SCORES = [b"0", b"1", b"2", b"3", b"1.5", b"2.5", b"-1", b"-1.5", b"inf", b"+inf", b"-inf", b"0.1",
          b"1e10", b"1e300", b"-1e300", b"3.0000000000000004", b"1e-10", b"123456789", b"-0",
          b"9007199254740993", b"1e17", b"5e-324", b"+5", b"0x10", b"1e21", b"100", b"1e16"]
NOT_SCORES = [b"nan", b"", b"abc", b"1 ", b" 1", b"1e", b"1.2.3", b"1e400", b"infinity", b"--1",
              b"1\x00", b"0x", b"-nan"]
FLOATS = [b"0", b"1", b"-1", b"0.1", b"0.5", b"-2.25", b"3.14", b"1e5", b"5.0e3", b"-5.0e-2",
          b"100.000000000000000001", b"1e-17", b"10.00", b"+2", b"1e17", b".5", b"5."]
NOT_FLOATS = [b"nan", b"inf", b"-inf", b"", b"abc", b" 1", b"1 ", b"1e5000", b"1.5x", b"1e4930"]
PATTERNS = [b"*", b"?", b"??", b"*1", b"*[1-3]", b"*[^1]", b"s*", b"[sl]?", b"*\\1", b"k*", b"",
            b"[", b"*[3-1]", b"*[1-", b"\\", b"*\\", b"***1", b"m*", b"f?", b"*a*", b"[^", b"*?*",
            b"e[!2]*"]

# Words that are an option somewhere.
OPTIONS = [b"NX", b"XX", b"GT", b"LT", b"CH", b"INCR", b"GET", b"KEEPTTL", b"PERSIST", b"LIMIT",
           b"COUNT", b"ANY", b"WITHSCORES", b"WITHSCORE", b"WITHVALUES", b"BYSCORE", b"BYLEX",
           b"REV", b"WEIGHTS", b"AGGREGATE", b"SUM", b"MIN", b"MAX", b"LEFT", b"RIGHT", b"BEFORE",
           b"AFTER", b"RANK", b"MAXLEN", b"REPLACE", b"ABSTTL", b"DB", b"MATCH", b"TYPE", b"ASYNC",
           b"SYNC", b"BIT", b"BYTE", b"AND", b"NOT", b"OVERFLOW", b"SAT", b"IDX", b"LEN", b"FREQ",
           b"IDLETIME", b"FROMMEMBER", b"FROMLONLAT", b"BYRADIUS", b"BYBOX", b"STORE", b"BOGUS"]


class Values:
    def __init__(self, chance, family, types):
        """`types`: families of keys that exist besides, for wrong types."""
        self.chance = chance
        self.family = family
        own = KEY_PREFIXES.get(family)
        others = [name for name in types if not (family == "zsets-lex" and name == "zsets")]
        everything = [KEY_PREFIXES[name] + b"%d" % i for name in others for i in (1, 2)]
        self.own_keys = [own + b"%d" % i for i in (1, 2, 3, 4)] if own else everything
        if own and chance.random() < 0.3:
            self.own_keys[3] = chance.choice([b"", b"%s\x00\r\n\xff" % own, own * 100, own * 300])
        self.all_keys = everything + [b"k%d" % i for i in (1, 2, 3)]
        self.other_keys = [key for key in everything if not own or key[:1] != own]
        self.is_integers = chance.random() < 0.3
        self.element_pool = [self._element() for _ in range(14)]
        self.field_pool = [self._field(i) for i in range(10)]

    def keys(self):
        """Every key that a sequence can have touched."""
        return sorted(set(self.own_keys + self.all_keys))

    def _element(self):
        chance = self.chance
        if self.is_integers:
            return b"%d" % chance.choice([chance.randrange(-5, 30), chance.randrange(-70000, 70000),
                                          chance.randrange(-2**40, 2**40)])
        roll = chance.random()
        if roll < 0.25:
            return b"%d" % chance.randrange(-5, 30)
        if roll < 0.75:
            return b"m%d" % chance.randrange(30)
        if roll < 0.85:
            return chance.choice([b"", b"\x00", b"\xff\xfe", b"a b", b"\r\n", b"1.0", b"Abc",
                                  b"abc"])
        return self._sized(chance.choice([20, 63, 64, 65, 64, 65, 100, 128, 4000]))

    def _field(self, index):
        if self.chance.random() < 0.1:
            return self._sized(self.chance.choice([0, 64, 65, 300]))
        return b"f%d" % index

    def _sized(self, size):
        if self.chance.random() < 0.5:
            return (b"%c" % self.chance.randrange(97, 123)) * size
        return self.chance.randbytes(size)

    # -- one method a terminal --

    def key(self):
        roll = self.chance.random()
        if roll < 0.05 and self.other_keys:
            return self.chance.choice(self.other_keys)
        if roll < 0.09:
            return b"k%d" % self.chance.randrange(1, 4)
        return self.chance.choice(self.own_keys)

    def own(self):
        return self.chance.choice(self.own_keys)

    def any(self):
        return self.chance.choice(self.all_keys)

    def small_string_key(self):
        return b"c%d" % self.chance.randrange(1, 4)

    def scan_key(self):
        return b"k%d" % self.chance.randrange(2000)

    def short_text(self):
        letters = self.chance.choice([b"ab", b"abcdef", b"\x00\xff"])
        return bytes(self.chance.choice(letters) for _ in range(self.chance.randrange(40)))

    def value(self):
        chance = self.chance
        roll = chance.random()
        if roll < 0.3:
            return b"%d" % chance.randrange(-20, 200)
        if roll < 0.4:
            return chance.choice(BOUNDARIES)
        if roll < 0.5:
            return chance.choice(FLOATS)
        if roll < 0.6:
            return chance.choice(NOT_INTEGERS)
        if roll < 0.9:
            return chance.randbytes(chance.randrange(1, 12)).hex().encode()
        size = chance.choice([20, 43, 44, 45, 46, 64, 300, 1000, 4096, 16383, 16384, 16385, 32768,
                              40000, 100000] if chance.random() < 0.5 else [20, 43, 44, 45, 300])
        return self._sized(size)

    def element(self):
        return self.chance.choice(self.element_pool)

    def new_element(self):
        if self.is_integers:
            return b"%d" % self.chance.randrange(-1000, 1000)
        return b"n%d" % self.chance.randrange(1000)

    def field(self):
        return self.chance.choice(self.field_pool)

    def new_field(self):
        return b"g%d" % self.chance.randrange(1000)

    def integer(self):
        roll = self.chance.random()
        if roll < 0.75:
            return b"%d" % self.chance.randrange(-30, 100)
        return self.chance.choice(BOUNDARIES)

    def index(self):
        roll = self.chance.random()
        if roll < 0.9:
            return b"%d" % self.chance.randrange(-8, 12)
        if roll < 0.95:
            return b"%d" % self.chance.randrange(-300, 300)
        return self.chance.choice(BOUNDARIES)

    def count(self):
        """A number of elements to take; safe for commands that repeat elements."""
        roll = self.chance.random()
        if roll < 0.85:
            return b"%d" % self.chance.randrange(0, 10)
        return b"%d" % self.chance.randrange(-10, 150)

    def offset(self):
        return b"%d" % self.chance.randrange(0, self.chance.choice([5, 50, 300]))

    def bit_offset(self):
        return b"%d" % self.chance.randrange(0, self.chance.choice([10, 100, 2000]))

    def bit(self):
        return self.chance.choice([b"0", b"1", b"1", b"2"])

    def float(self):
        return self.chance.choice(FLOATS)

    def score(self):
        if self.chance.random() < 0.6:
            return b"%d" % self.chance.randrange(0, 10)
        return self.chance.choice(SCORES)

    def limit(self):
        """A limit of a range of scores."""
        return self.chance.choice([b"", b"", b"("]) + self.score()

    def lex_limit(self):
        roll = self.chance.random()
        if roll < 0.3:
            return self.chance.choice([b"-", b"+"])
        return self.chance.choice([b"[", b"("]) + self.element()[:20]

    def seconds(self):
        return b"%d" % self.chance.randrange(100, 1000000)

    def milliseconds(self):
        return b"%d" % self.chance.randrange(100000, 1000000000)

    def unix(self):
        if self.chance.random() < 0.1:
            return b"%d" % self.chance.choice([1, 1000000000])
        return b"%d" % self.chance.choice([4102444800, 4102444801, 5000000000, 4102444799])

    def future(self):
        return self.chance.choice([b"4102444800", b"4102444801", b"5000000000"])

    def bit_type(self):
        return self.chance.choice([b"u8", b"i8", b"u1", b"i64", b"u63", b"u64", b"i65", b"i0",
                                   b"u5", b"i16", b"x8", b"u"])

    def longitude(self):
        chance = self.chance
        if chance.random() < 0.4:
            return chance.choice([b"13.361389", b"15.087269", b"-73.9454966", b"180", b"-180", b"0"])
        return b"%a" % chance.choice([chance.uniform(-180, 180), chance.uniform(12, 16)])

    def latitude(self):
        chance = self.chance
        if chance.random() < 0.4:
            return chance.choice([b"38.115556", b"37.502669", b"40.747533", b"85.05112878", b"0",
                                  b"-85.05112878"])
        return b"%a" % chance.choice([chance.uniform(-85, 85), chance.uniform(36, 39)])

    def radius(self):
        chance = self.chance
        return chance.choice([b"0", b"1", b"200", b"100000", b"5000",
                              b"%a" % (10 ** chance.uniform(-1, 7.4))])

    def unit(self):
        return self.chance.choice([b"m", b"km", b"ft", b"mi", b"KM", b"Mi", b"km", b"m"])

    def unix_ms(self):
        if self.chance.random() < 0.1:
            return b"%d" % self.chance.choice([1, 1000000000000])
        return b"%d" % self.chance.choice([4102444800000, 4102444800001, 5000000000000])

    def past(self):
        return self.chance.choice([b"0", b"-1", b"-100"])

    def timeout(self):
        return self.chance.choice([b"0.001", b"0.002", b"0.0015"])

    def pattern(self):
        return self.chance.choice(PATTERNS)

    def db(self):
        return b"%d" % self.chance.choice([0, 0, 1, 1, 2, 2, 3, 15, 16, -1])

    def cursor(self):
        return b"0"

    def text(self):
        return self.chance.choice([b"hello", b"", b"a b", b"\x00\xff", b"1", b"\r\n", b"x" * 5000])

    def name(self):
        return self.chance.choice([b"worker", b"a", b"", b"a b", b"\n", b"caf\xc3\xa9", b"~!@#",
                                   b"\x7f"])

    def type(self):
        return self.chance.choice([b"string", b"list", b"set", b"zset", b"hash", b"STRING"])

    # -- arguments that mean nothing where they stand --

    def junk(self):
        """Anything but a small positive number: that could be a time soon over."""
        chance = self.chance
        roll = chance.random()
        if roll < 0.3:
            return self.any()
        if roll < 0.45:
            return chance.choice(NOT_INTEGERS)
        if roll < 0.6:
            return chance.choice(BOUNDARIES + [b"0", b"-1"])
        if roll < 0.7:
            return chance.choice(NOT_SCORES + [b"1e300", b"inf", b"-inf", b"0.5"])
        if roll < 0.9:
            return chance.choice(OPTIONS)
        return chance.choice(PATTERNS + [self.element(), b"x" * 5000])

    def junk_or_small(self):
        if self.chance.random() < 0.3:
            return b"%d" % self.chance.randrange(-3, 6)
        return self.junk()

    # -- odd values in a terminal's place --

    def odd(self, terminal):
        chance = self.chance
        if terminal in ("seconds", "milliseconds", "unix", "unix_ms", "past", "future"):
            return chance.choice(NOT_INTEGERS + [b"0", b"-1", b"9223372036854775807",
                                                 b"-9223372036854775808", b"9223372036854775808"])
        if terminal == "timeout":
            return chance.choice([b"-1", b"abc", b"", b"nan", b"-0.5", b"1e"])
        if terminal == "count":
            return chance.choice(NOT_INTEGERS + [b"9223372036854775807", b"9223372036854775808",
                                                 b"4611686018427387904"])
        if terminal in ("offset", "bit_offset"):
            return chance.choice(NOT_INTEGERS + [b"-1", b"9223372036854775807", b"536870912",
                                                 b"4294967296", b"9223372036854775808"])
        if terminal == "cursor":
            return chance.choice([b"", b"abc", b"1.5", b"18446744073709551616"])
        if terminal in ("score", "limit", "lex_limit"):
            return chance.choice(NOT_SCORES + [b"(", b"[", b"((1", b"-", b"+"])
        if terminal in ("longitude", "latitude", "radius"):
            return chance.choice(NOT_FLOATS + [b"181", b"-86", b"1e30"])
        if terminal == "float":
            return chance.choice(NOT_FLOATS + [b"1e308", b"-1e308"])
        if terminal == "appended":
            return chance.choice(NOT_INTEGERS)
        if terminal in ("integer", "index", "db", "bit"):
            return chance.choice(NOT_INTEGERS + BOUNDARIES)
        if terminal in ("key", "own", "any"):
            return chance.choice([b"", b"\x00", b"k" * 300, self.any()])
        return chance.choice(NOT_INTEGERS + BOUNDARIES)
