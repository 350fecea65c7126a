"""Commands whose reply depends on chance or on the hash table: checked by what must hold.

Each check takes the two links and a step; it returns None, or a text that says what is wrong.
"""
import time

from .compare import is_same, same_with_doubles
from .wire import encode, value_of

ROUNDS_MAX = 2000


def ask_raw(link, step):
    link.send(encode(step))
    return link.replies(1)[0]


def ask_both(links, step):
    for link in links:
        link.send(encode(step))
    return [link.replies(1)[0] for link in links]


def differ(step, raws):
    if is_same(step, *raws):
        return None
    return "replies differ", raws[0], raws[1]


def leaves(value):
    """The strings below a value."""
    if isinstance(value[1], list):
        return [leaf for item in value[1] for leaf in leaves(item)]
    return [] if value[1] is None else [value[1]]


def shape(value):
    """Kinds and sizes without contents."""
    if isinstance(value[1], list):
        return (value[0], [shape(item) for item in value[1]])
    return (value[0], value[1] is None)


def mismatch(text, left, right):
    return text, left, right


# -- iterations --

def iterate(link, step, first, at):
    """All items of a whole iteration, or None when it does not end."""
    items = []
    value = value_of(first)
    for _ in range(ROUNDS_MAX):
        items += value[1][1][1]
        cursor = value[1][0][1]
        if cursor == b"0":
            return items
        value = value_of(ask_raw(link, step[:at] + (cursor,) + step[at + 1:]))
        if value[0] != "*":
            return None
    return None


def check_scan(links, step):
    at = 1 if step[0].lower() == b"scan" else 2
    raws = ask_both(links, step)
    values = [value_of(raw) for raw in raws]
    if values[0][0] != "*" or values[1][0] != "*":
        return differ(step, raws)
    if any(len(value[1]) != 2 for value in values):
        return mismatch("not a cursor and items", *raws)
    if at >= len(step) or step[at] != b"0":
        return None
    width = 2 if step[0].lower() in (b"hscan", b"zscan") else 1
    found = []
    for link, raw in zip(links, raws):
        items = iterate(link, step, raw, at)
        if items is None:
            return mismatch("the iteration does not end", *raws)
        if len(items) % width:
            return mismatch("half a pair", *raws)
        found.append({items[i][1]: items[i:i + width] for i in range(0, len(items), width)})
    if found[0].keys() != found[1].keys():
        only = [sorted(found[i].keys() - found[1 - i].keys()) for i in (0, 1)]
        return mismatch("items found by one alone: reference %r, ours %r" % tuple(only), *raws)
    for key, items in found[0].items():
        if not all(map(same_with_doubles, items, found[1][key])):
            return mismatch("values of %r" % key, *raws)
    return None


# -- random choices --

def check_randomkey(links, step):
    raws = ask_both(links, step)
    values = [value_of(raw) for raw in raws]
    if values[0][0] != values[1][0] or values[0][0] != "$" or None in (values[0][1], values[1][1]):
        return differ(step, raws)
    for link, value in zip(links, values):
        if value_of(ask_raw(link, (b"EXISTS", value[1]))) != (":", b"1"):
            return mismatch("not a key", *raws)
    return None


def members_of(link, step):
    """Members with what belongs to them: text -> text."""
    name = step[0].lower()
    reads = {b"srandmember": (b"SMEMBERS", step[1]), b"spop": (b"SMEMBERS", step[1]),
             b"hrandfield": (b"HGETALL", step[1]),
             b"zrandmember": (b"ZRANGE", step[1], b"0", b"-1", b"WITHSCORES")}
    found = value_of(ask_raw(link, reads[name]))
    if not isinstance(found[1], list):
        return {}
    texts = leaves(found)
    if name in (b"srandmember", b"spop"):
        return dict.fromkeys(texts, b"")
    return dict(zip(texts[::2], texts[1::2]))


def chosen_of(value, has_values):
    texts = leaves(value)
    return list(zip(texts[::2], texts[1::2])) if has_values else [(text, None) for text in texts]


def check_chosen(link, step, value, members):
    """What was chosen must be members, without repetition unless the count is negative."""
    has_values = len(step) == 4
    chosen = chosen_of(value, has_values)
    for text, companion in chosen:
        if text not in members:
            return "not a member: %r" % text
        if has_values and members[text] != companion:
            return "value of %r: %r" % (text, companion)
    is_repeating = len(step) > 2 and step[2].startswith(b"-")
    if not is_repeating and len(dict(chosen)) != len(chosen):
        return "a member twice"
    return None


def check_random_members(links, step):
    raws = ask_both(links, step)
    values = [value_of(raw) for raw in raws]
    if "-" in (values[0][0], values[1][0]) or len(step) < 2:
        return differ(step, raws)
    if shape(values[0]) != shape(values[1]):
        return mismatch("shapes differ", *raws)
    for link, value in zip(links, values):
        trouble = check_chosen(link, step, value, members_of(link, step))
        if trouble:
            return mismatch(trouble, *raws)
    return None


def check_spop(links, step):
    """Afterwards both get the reference's remaining members, so that the two stay equal."""
    if len(step) < 2:
        return differ(step, ask_both(links, step))
    before = [members_of(link, step) for link in links]
    raws = ask_both(links, step)
    values = [value_of(raw) for raw in raws]
    if "-" in (values[0][0], values[1][0]):
        return differ(step, raws)
    if shape(values[0]) != shape(values[1]):
        return mismatch("shapes differ", *raws)
    after = [members_of(link, step) for link in links]
    for i, value in enumerate(values):
        popped = leaves(value)
        if sorted(popped + list(after[i])) != sorted(before[i]):
            return mismatch("popped and remaining are not what was there", *raws)
    if after[0] and after[0].keys() != after[1].keys():
        for other in ((b"DEL", step[1]), (b"SADD", step[1]) + tuple(after[0])):
            ask_both(links, other)
    return None


# -- expiry --

def expires_soon(step):
    """Whether a key is to expire a millisecond later."""
    words = [word.lower() for word in step]
    return (words[0] in (b"pexpire", b"psetex") and words[2:3] == [b"1"]
            or words[0] in (b"set", b"getex") and words[-2:] == [b"px", b"1"])


def check_expiring(links, step):
    """The clock must have passed before the next command, on both sides."""
    raws = ask_both(links, step)
    time.sleep(0.003)
    return differ(step, raws)


CHECKS = {b"scan": check_scan, b"sscan": check_scan, b"hscan": check_scan, b"zscan": check_scan,
          b"randomkey": check_randomkey, b"srandmember": check_random_members,
          b"hrandfield": check_random_members, b"zrandmember": check_random_members,
          b"spop": check_spop}


def check_of(step):
    if not isinstance(step, tuple):
        return None
    if b"1" in step and expires_soon(step):
        return check_expiring
    return CHECKS.get(step[0].lower())
