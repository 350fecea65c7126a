"""Reads tests/compat/differential.grammar and makes commands of it.

A line is a weight and a command: words stand for themselves (in mixed case at times), and
    <name>      a terminal: a method of Values
    (a|b)       one of these
    [a|b]       one of these, or nothing
    {a}         one to four times, rarely hundreds of times; {a}2 exactly twice
    ~{a b}      the parts in any order
    ?name       in front: only where this command is known too
One command in eight is damaged on purpose: an argument dropped, doubled, added, or made odd.
"""
import re

from .wire import Inline

TOKEN = re.compile(r"\s+|~\{|\}\d*|[()\[\]{|]|<[a-z_]+>|[^\s()\[\]{}|<>]+")
DAMAGED_SHARE = 0.12


class Parser:
    def __init__(self, text):
        self.tokens = [token for token in TOKEN.findall(text) if not token.isspace()]
        if "".join(self.tokens) != "".join(text.split()):
            raise SystemExit("differential.grammar: not understood: " + text)
        self.at = 0

    def choices(self, closer):
        """Alternatives up to a closer; each is a list of nodes."""
        result = [[]]
        while self.at < len(self.tokens):
            token = self.tokens[self.at]
            self.at += 1
            if closer and token.startswith(closer):
                return result, token
            if token == "|":
                result.append([])
            else:
                result[-1].append(self.node(token))
        if closer:
            raise SystemExit("differential.grammar: no %s: %s" % (closer, " ".join(self.tokens)))
        return result, ""

    def node(self, token):
        if token == "(":
            return ("choice", self.choices(")")[0])
        if token == "[":
            return ("option", self.choices("]")[0])
        if token in ("{", "~{"):
            (inner, closing) = self.choices("}")
            if token == "~{":
                return ("shuffle", inner[0])
            return ("repeat", inner[0], int(closing[1:] or 0))
        if token.startswith("<"):
            return ("terminal", token[1:-1])
        return ("word", token.encode())


class Template:
    def __init__(self, weight, text):
        self.weight = int(weight.rstrip("!"))
        self.is_kept_whole = weight.endswith("!")
        self.inline = None
        self.nodes = []
        self.needs = set()
        while text.startswith("?"):
            need, text = text.split(None, 1)
            self.needs.add(need[1:].lower().encode())
        if text.startswith("INLINE "):
            self.inline = Inline(text[7:].encode())
        else:
            self.nodes = Parser(text).choices("")[0][0]

    def is_known(self, known):
        """Leaves the alternatives that are known; false when none is. BOGUS means to be unknown."""
        if not self.needs <= known:
            return False
        if self.inline or self.nodes[0][0] == "terminal":
            return True
        if self.nodes[0][0] == "choice":
            names = [choice for choice in self.nodes[0][1] if choice[0][1].lower() in known]
            self.nodes[0] = ("choice", names)
            return bool(names)
        name = self.nodes[0][1].lower()
        if name == b"bogus":
            return True
        sub = self.nodes[1] if len(self.nodes) > 1 else ("", b"")
        if sub[0] != "word" or sub[1] == b"BOGUS":
            return name in known
        has_subcommands = any(other.startswith(name + b"|") for other in known)
        return name in known and (not has_subcommands or name + b"|" + sub[1].lower() in known)


def read_grammar(path):
    """Family name -> templates."""
    families = {}
    family = None
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            line = line.strip()
            if not line or line.startswith("#"):
                continue
            if line.startswith("[") and line.endswith("]") and " " not in line:
                family = families.setdefault(line[1:-1], [])
                continue
            weight, text = line.split(None, 1)
            family.append(Template(weight, text))
    return families


def words_of(nodes):
    """All literal words below nodes."""
    result = []
    for node in nodes:
        if node[0] == "word":
            result.append(node[1])
        elif node[0] in ("choice", "option"):
            for alternative in node[1]:
                result += words_of(alternative)
        elif node[0] in ("shuffle", "repeat"):
            result += words_of(node[1])
    return result


class Maker:
    """Makes commands of one family's templates with one sequence's values."""

    def __init__(self, templates, values):
        self.templates = templates
        self.weights = [template.weight for template in templates]
        self.values = values
        self.chance = values.chance

    def command(self):
        template = self.chance.choices(self.templates, self.weights)[0]
        if template.inline:
            return template.inline
        parts = []  # (bytes, kind), where kind is a terminal's name or "word"
        self._expand(template.nodes, parts)
        if self.chance.random() < DAMAGED_SHARE and not template.is_kept_whole:
            self._damage(template, parts)
        return tuple(part[0] for part in parts)

    def _expand(self, nodes, parts):
        chance = self.chance
        for node in nodes:
            kind = node[0]
            if kind == "word":
                word = node[1]
                if chance.random() < 0.08:
                    word = chance.choice([word.lower(), word.title()])
                parts.append((word, "word"))
            elif kind == "terminal":
                parts.append((getattr(self.values, node[1])(), node[1]))
            elif kind == "choice":
                self._expand(chance.choice(node[1]), parts)
            elif kind == "option":
                if chance.random() < 0.4:
                    self._expand(chance.choice(node[1]), parts)
            elif kind == "shuffle":
                inner = list(node[1])
                chance.shuffle(inner)
                self._expand(inner, parts)
            else:
                for _ in range(node[2] or self._times()):
                    self._expand(node[1], parts)

    def _times(self):
        if self.chance.random() < 0.03:
            return self.chance.choice([20, 100, 128, 129, 200, 600])
        return self.chance.randrange(1, 5)

    def _damage(self, template, parts):
        chance = self.chance
        at = chance.randrange(1, len(parts)) if len(parts) > 1 else 0
        kind = parts[at][1] if at else "word"
        roll = chance.random()
        if roll < 0.4 and at and kind != "word":
            parts[at] = (self.values.odd(kind), kind)
        elif roll < 0.6 and at:
            del parts[at]
        elif roll < 0.7 and at:
            parts.insert(at, parts[at])
        elif roll < 0.85 or any(kind == "timeout" for _, kind in parts):
            words = [word for word in words_of(template.nodes)[1:] if word != b"PX"]
            word = chance.choice(words + [b"BOGUS", b"NX", b"COUNT", b"WITHSCORES"])
            parts.insert(chance.randrange(1, len(parts) + 1), (word, "word"))
        else:
            parts.append((self.values.odd("appended"), "value"))
