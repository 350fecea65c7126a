"""python3-redis over TLS: transactions, queues, caching, notifications, and the types against models.

Usage: python_data.py PORT CERTIFICATE_FOLDER
"""
import math
import random
import sys
import threading

import redis

from python_client import check, connect, next_message


def in_parallel(count, work):
    """Runs work(number) in that many threads; the first failure ends the program."""
    errors = []

    def guarded(number):
        try:
            work(number)
        except (SystemExit, redis.RedisError) as error:
            errors.append(str(error))

    threads = [threading.Thread(target=guarded, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        sys.exit("in a thread: %s" % errors[0])


def increment_watched(client):
    with client.pipeline() as pipe:
        while True:
            try:
                pipe.watch("account", "log")
                value = int(pipe.get("account") or 0)
                pipe.multi()
                pipe.set("account", value + 1)
                pipe.rpush("log", value + 1)
                return pipe.execute()
            except redis.WatchError:
                continue


def transactions(client, port, certs):
    def work(_number):
        own = connect(port, certs)
        for _ in range(40):
            increment_watched(own)

    in_parallel(5, work)
    check(b"200", client.get("account"), "watched counter")
    check([b"%d" % i for i in range(1, 201)], client.lrange("log", 0, -1), "watched log")
    with client.pipeline() as pipe:
        replies = pipe.set("a", "text").incr("a").get("a").execute(raise_on_error=False)
    check((True, b"text"), (replies[0], replies[2]), "transaction with an error")
    check("ResponseError", type(replies[1]).__name__, "incr in a transaction")
    with client.pipeline() as pipe:
        pipe.execute_command("set", "b")
        pipe.set("c", 1)
        try:
            pipe.execute()
            sys.exit("a transaction with a wrong command was executed")
        except redis.ResponseError:
            check(0, client.exists("b", "c"), "aborted transaction")


def queues(client, port, certs):
    taken = []
    lock = threading.Lock()

    def consume(_number):
        own = connect(port, certs)
        while True:
            _, item = own.blpop(["queue:a", "queue:b"], timeout=15)
            if item == b"end":
                return
            with lock:
                taken.append(int(item))

    def produce(_number):
        own = connect(port, certs)
        for index in range(300):
            own.rpush("queue:" + "ab"[index % 2], index)
        for _ in range(4):
            own.rpush("queue:a", "end")

    def either(number):
        (consume if number < 4 else produce)(number)

    in_parallel(5, either)
    # "end" on the first list may come before the last items of the second.
    taken.extend(int(item) for item in client.lrange("queue:b", 0, -1))
    check(list(range(300)), sorted(taken), "queue")
    client.delete("queue:a", "queue:b")
    check(None, client.blpop("queue:a", timeout=1), "blpop that waits in vain")


def priorities(client, port, certs):
    received = []

    def work(number):
        own = connect(port, certs)
        if number == 0:
            received.extend(own.bzpopmin("jobs", timeout=15) for _ in range(100))
            received.append(own.bzmpop(15, 2, ["none", "jobs2"], max=True, count=2))
            received.append(own.blmove("from", "to", 15, "LEFT", "RIGHT"))
        else:
            with own.pipeline() as pipe:
                for index in range(100):
                    pipe.zadd("jobs", {"job%02d" % index: (index * 37) % 100})
                pipe.execute()
            own.zadd("jobs2", {"x": 1, "y": 2, "z": 3})
            own.rpush("from", "item")

    in_parallel(2, work)
    check([b"job%02d" % (i * 73 % 100) for i in range(100)], [name for _, name, _ in received[:100]],
          "order of bzpopmin")
    check([b"jobs2", [[b"z", b"3"], [b"y", b"2"]]], received[100], "bzmpop")
    check((b"item", [b"item"]), (received[101], client.lrange("to", 0, -1)), "blmove")


def caching(client, port, certs):
    """A cache kept right by invalidations that go to another connection."""
    chance = random.Random(5)
    channel = connect(port, certs).pubsub()
    channel.subscribe("__redis__:invalidate")
    check("subscribe", next_message(channel)[0], "subscribe to invalidations")
    reader = redis.Redis(connection_pool=redis.BlockingConnectionPool(
        connection_class=redis.SSLConnection, max_connections=1, host="127.0.0.1", port=port,
        ssl_ca_certs=certs + "/ca.crt", ssl_certfile=certs + "/client.crt",
        ssl_keyfile=certs + "/client.key"))
    redirect = [entry["id"] for entry in client.client_list() if entry["sub"] == "1"]
    check(1, len(redirect), "one subscriber")
    check(b"OK", reader.client_tracking_on(clientid=int(redirect[0])), "client tracking")
    check(int(redirect[0]), reader.client_getredir(), "client getredir")
    cache, invalidated = {}, 0
    for step in range(400):
        key = b"cached%d" % chance.randrange(20)
        if chance.random() < 0.7:
            if key not in cache:
                cache[key] = reader.get(key)
            continue
        client.set(key, step)
        if key in cache:
            kind, _, _, keys = next_message(channel)
            check(("message", [key]), (kind, keys), "invalidation")
            cache.pop(key)
            invalidated += 1
    check(True, invalidated > 50, "invalidations")
    for key, value in cache.items():
        check(client.get(key), value, "cached value")
    reader.close()
    channel.close()


def notifications(client, port, certs):
    client.config_set("notify-keyspace-events", "KEA")
    listener = connect(port, certs).pubsub()
    listener.psubscribe("__keyevent@0__:*")
    check("psubscribe", next_message(listener)[0], "psubscribe")
    steps = [(("rpush", "nl", "a", "b"), ["rpush:nl"]), (("lpop", "nl"), ["lpop:nl"]),
             (("ltrim", "nl", "1", "0"), ["ltrim:nl", "del:nl"]), (("sadd", "ns", "a"), ["sadd:ns"]),
             (("smove", "ns", "ns2", "a"), ["srem:ns", "del:ns", "sadd:ns2"]),
             (("hset", "nh", "f", "1"), ["hset:nh"]), (("hincrby", "nh", "f", "2"), ["hincrby:nh"]),
             (("hdel", "nh", "f"), ["hdel:nh", "del:nh"]), (("zadd", "nz", "1", "m"), ["zadd:nz"]),
             (("zincrby", "nz", "1", "m"), ["zincr:nz"]), (("zpopmin", "nz"), ["zpopmin:nz", "del:nz"]),
             (("set", "k", "v"), ["set:k"]), (("expire", "k", "100"), ["expire:k"]),
             (("persist", "k"), ["persist:k"]), (("rename", "k", "k2"), ["rename_from:k", "rename_to:k2"]),
             (("copy", "k2", "k3"), ["copy_to:k3"]), (("del", "k2", "k3"), ["del:k2", "del:k3"]),
             (("setbit", "bits", "5", "1"), ["setbit:bits"]), (("pfadd", "hll", "a"), ["pfadd:hll"]),
             (("geoadd", "places", "13", "38", "p"), ["zadd:places"]),
             (("sort", "ns2", "alpha", "store", "sorted"), ["sortstore:sorted"])]
    for _ in range(10):
        client.flushall()
        for command, events in steps:
            client.execute_command(*command)
            for event in events:
                _, _, name, key = next_message(listener)
                check(event, "%s:%s" % (name.decode().split(":")[1], key.decode()), " ".join(command))
    client.config_set("notify-keyspace-events", "")
    listener.close()


def sorting(client):
    chance = random.Random(6)
    numbers = chance.sample(range(10000), 200)
    client.rpush("numbers", *numbers)
    weights = {number: chance.randrange(1000000) for number in numbers}
    client.mset({"weight:%d" % number: weight for number, weight in weights.items()})
    for number in numbers:
        client.hset("object:%d" % number, "name", "n%d" % number)
    ordered = sorted(numbers)
    check([b"%d" % n for n in ordered], client.sort("numbers"), "sort")
    check([b"%d" % n for n in ordered[::-1][5:15]], client.sort("numbers", 5, 10, desc=True), "sort limit")
    check([b"%d" % n for n in sorted(numbers, key=str)], client.sort("numbers", alpha=True), "sort alpha")
    by_weight = sorted(numbers, key=lambda n: (weights[n], str(n)))
    pairs = client.sort("numbers", by="weight:*", get=["#", "object:*->name"], groups=True)
    check([(b"%d" % n, b"n%d" % n) for n in by_weight], pairs, "sort by, get")
    check(200, client.sort("numbers", by="weight:*", store="ordered"), "sort store")
    check([b"%d" % n for n in by_weight], client.sort_ro("ordered", by="nosort"), "sort_ro")


def bits(client):
    chance = random.Random(7)
    fields = {"bits1": set(), "bits2": set()}
    for _ in range(400):
        key = chance.choice(("bits1", "bits2"))
        offset, value = chance.randrange(4000), chance.randrange(2)
        check(int(offset in fields[key]), client.setbit(key, offset, value), "setbit")
        (fields[key].add if value else fields[key].discard)(offset)
    for key, ones in fields.items():
        check(len(ones), client.bitcount(key), "bitcount")
        check(min(ones), client.bitpos(key, 1), "bitpos")
        low, high = 800, 2407
        check(len([bit for bit in ones if low <= bit <= high]), client.bitcount(key, low, high, "BIT"),
              "bitcount of bits")
    one, two = fields["bits1"], fields["bits2"]
    for name, expected in (("and", one & two), ("or", one | two), ("xor", one ^ two)):
        client.bitop(name, "result", "bits1", "bits2")
        check(len(expected), client.bitcount("result"), "bitop " + name)
        for offset in list(expected)[:20]:
            check(1, client.getbit("result", offset), "bit of bitop " + name)
    field = client.bitfield("counters").set("u8", "#1", 250).incrby("u8", "#1", 10)
    check([0, 4], field.execute(), "bitfield")
    saturated = client.bitfield("counters", "SAT").incrby("i4", 100, 7).incrby("i4", 100, 7)
    check([7, 7], saturated.execute(), "saturated bitfield")


def estimates(client):
    for start in range(0, 6000, 200):
        client.pfadd("visitors%d" % (start % 400 // 200), *range(start, start + 200))
    for key, exact in (("visitors0", 3000), ("visitors1", 3000)):
        check(True, abs(client.pfcount(key) - exact) < exact * 0.03, "pfcount")
    client.pfmerge("visitors", "visitors0", "visitors1")
    check(client.pfcount("visitors0", "visitors1"), client.pfcount("visitors"), "pfmerge")
    check(True, abs(client.pfcount("visitors") - 6000) < 180, "pfcount of all")
    check(0, client.pfadd("visitors", *range(0, 6000, 7)), "pfadd of known ones")


def distance(one, two):
    (lon1, lat1), (lon2, lat2) = ([math.radians(part) for part in point] for point in (one, two))
    part = (math.sin((lat2 - lat1) / 2) ** 2
            + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2)
    return 2 * 6372797.560856 * math.asin(math.sqrt(part))


def places(client):
    chance = random.Random(8)
    points = {b"place%d" % i: (chance.uniform(-20, 20), chance.uniform(35, 60)) for i in range(300)}
    check(300, client.geoadd("map", [part for name, point in points.items() for part in (*point, name)]),
          "geoadd")
    for _ in range(100):
        center, radius = chance.choice(list(points)), chance.uniform(50000, 900000)
        found = client.geosearch("map", member=center, radius=radius, unit="m", withdist=True, sort="ASC")
        near = {name: distance(points[center], point) for name, point in points.items()}
        for name, meters in found:
            check(True, abs(near[name] - meters) < 5, "distance of %r" % name)
        missing = {name for name, meters in near.items() if meters < radius - 5} - {name for name, _ in found}
        check(set(), missing, "geosearch")
        check(sorted(meters for _, meters in found), [meters for _, meters in found], "order")
    one, two = list(points)[:2]
    check(True, abs(client.geodist("map", one, two) - distance(points[one], points[two])) < 5, "geodist")
    for name, position in zip(points, client.geopos("map", *points)):
        check(True, max(abs(a - b) for a, b in zip(position, points[name])) < 0.0001, "geopos")


def contents(client, key):
    """The value, whatever type it has, in a form that compares."""
    kind = client.type(key)
    return {b"string": client.get, b"list": lambda key: client.lrange(key, 0, -1), b"set": client.smembers,
            b"hash": client.hgetall, b"zset": lambda key: client.zrange(key, 0, -1, withscores=True)
            }[kind](key)


def payloads(client):
    chance = random.Random(9)
    client.flushall()
    for index in range(60):
        size = chance.choice((1, 5, 200))
        words = ["w%d" % chance.randrange(10 ** chance.randrange(1, 9)) for _ in range(size)]
        client.set("s%d" % index, "".join(words))
        client.rpush("l%d" % index, *words)
        client.sadd("t%d" % index, *(words if index % 2 else range(size)))
        client.hset("h%d" % index, mapping={word: index for word in words})
        client.zadd("z%d" % index, {word: chance.uniform(-5, 5) for word in words})
    for key in sorted(client.keys()):
        payload = client.dump(key)
        check(b"OK", client.restore(b"copy", 100000, payload, replace=True), "restore")
        check(contents(client, key), contents(client, b"copy"), "copy of %r" % key)
        check(True, 90000 < client.pttl("copy") <= 100000, "pttl")
        spoilt = bytearray(payload)
        spoilt[chance.randrange(len(spoilt))] ^= 1 << chance.randrange(8)
        try:
            client.restore(b"spoilt", 0, bytes(spoilt))
            sys.exit("a spoilt payload of %r was restored" % key)
        except redis.ResponseError as error:
            check("DUMP payload version or checksum are wrong", str(error), "restore")
    try:
        client.restore(b"copy", 0, payload)
        sys.exit("restore over a key")
    except redis.ResponseError as error:
        check(True, "BUSYKEY" in str(error) or "exists" in str(error), "restore over a key")


def step_hash(client, model, field, chance):
    if chance.random() < 0.3:
        check(int(field in model), client.hdel("hash", field), "hdel")
        model.pop(field, None)
    else:
        amount = chance.randrange(100)
        model[field] = b"%d" % (int(model.get(field, 0)) + amount)
        check(int(model[field]), client.hincrby("hash", field, amount), "hincrby")


def step_set(client, model, member, chance):
    if chance.random() < 0.4:
        check(int(member in model), client.srem("set", member), "srem")
        model.discard(member)
    else:
        check(int(member not in model), client.sadd("set", member), "sadd")
        model.add(member)
    check(member in model, bool(client.sismember("set", member)), "sismember")


def step_zset(client, model, member, chance):
    score = chance.randrange(50)
    if chance.random() < 0.3:
        check(int(member in model), client.zrem("zset", member), "zrem")
        model.pop(member, None)
    elif chance.random() < 0.5:
        client.zadd("zset", {member: score})
        model[member] = float(score)
    else:
        model[member] = model.get(member, 0.0) + score
        check(model[member], client.zincrby("zset", score, member), "zincrby")
    ordered = sorted(model, key=lambda name: (model[name], name))
    check(ordered.index(member) if member in model else None, client.zrank("zset", member), "zrank")


def step_list(client, model, item, chance):
    action = chance.randrange(4)
    if action == 0:
        model.insert(0, item)
        check(len(model), client.lpush("list", item), "lpush")
    elif action == 1:
        model.append(item)
        check(len(model), client.rpush("list", item), "rpush")
    elif action == 2:
        check(model.pop(0) if model else None, client.lpop("list"), "lpop")
    else:
        check(model.count(item), client.lrem("list", 0, item), "lrem")
        model[:] = [other for other in model if other != item]


def types(client):
    chance = random.Random(10)
    client.flushall()
    fields, members, scores, items = {}, set(), {}, []
    for _ in range(300):
        step_hash(client, fields, b"f%d" % chance.randrange(200), chance)
        step_set(client, members, b"m%d" % chance.randrange(200), chance)
        step_zset(client, scores, b"m%d" % chance.randrange(200), chance)
        step_list(client, items, b"i%d" % chance.randrange(40), chance)
    check(fields, client.hgetall("hash"), "hgetall")
    check(members, client.smembers("set"), "smembers")
    check(members & set(scores), set(client.zinter(["set", "zset"])), "zinter")
    check(items, client.lrange("list", 0, -1), "lrange")
    low = sorted((score, name) for name, score in scores.items() if 10 <= score <= 30)
    check([(name, score) for score, name in low],
          client.zrangebyscore("zset", 10, 30, withscores=True), "zrangebyscore")
    check(set(fields), {name for name, _ in client.hscan_iter("hash", count=20)}, "hscan")


def main():
    port, certs = int(sys.argv[1]), sys.argv[2]
    client = connect(port, certs)
    client.flushall()
    for part in (transactions, queues, priorities, caching, notifications):
        part(client, port, certs)
    for part in (sorting, bits, estimates, places, payloads, types):
        part(client)
    client.flushall()


if __name__ == "__main__":
    main()
