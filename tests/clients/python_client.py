"""python3-redis over TLS: a thousand mixed commands against a dictionary, pipelines, threads.

Usage: python_client.py PORT CERTIFICATE_FOLDER
"""
import random
import sys
import threading

import redis


def connect(port, certs, **more):
    return redis.Redis(host="127.0.0.1", port=port, ssl=True, ssl_ca_certs=certs + "/ca.crt",
                       ssl_certfile=certs + "/client.crt", ssl_keyfile=certs + "/client.key",
                       socket_timeout=20, **more)


def check(expected, actual, what):
    if expected != actual:
        sys.exit("%s: expected %r, got %r" % (what, str(expected)[:200], str(actual)[:200]))


def set_one(client, model, key, chance):
    value = bytes(chance.getrandbits(8) for _ in range(chance.choice((0, 1, 10, 100, 5000))))
    check(True, client.set(key, value), "set")
    model[key] = value


def append_one(client, model, key, chance):
    value = b"x" * chance.randrange(50)
    model[key] = model.get(key, b"") + value
    check(len(model[key]), client.append(key, value), "append")


def incr_one(client, model, key, chance):
    amount = chance.randrange(-1000, 1000)
    try:
        if key in model and (not model[key] or str(int(model[key])).encode() != model[key]):
            raise ValueError
        model[key] = str(int(model.get(key, b"0")) + amount).encode()
        check(int(model[key]), client.incrby(key, amount), "incrby")
    except ValueError:
        try:
            client.incrby(key, amount)
        except redis.ResponseError as error:
            check("value is not an integer or out of range", str(error), "incrby of text")
        else:
            sys.exit("incrby of %r was accepted" % model[key][:50])


def get_one(client, model, key, _chance):
    check(model.get(key), client.get(key), "get")
    check(len(model.get(key, b"")), client.strlen(key), "strlen")
    check(int(key in model), client.exists(key), "exists")


def range_one(client, model, key, chance):
    first = chance.randrange(0, 20)
    last = first + chance.randrange(0, 20)
    check(model.get(key, b"")[first:last + 1], client.getrange(key, first, last), "getrange")


def delete_one(client, model, key, _chance):
    check(int(key in model), client.delete(key), "del")
    model.pop(key, None)


def rename_one(client, model, key, chance):
    if key in model:
        other = "k%d" % chance.randrange(60)
        check(True, client.rename(key, other), "rename")
        model[other] = model.pop(key)


def mixed(client, count, seed):
    chance = random.Random(seed)
    model = {}
    actions = (set_one, set_one, append_one, incr_one, get_one, get_one, range_one, delete_one, rename_one)
    client.flushall()
    for _ in range(count):
        chance.choice(actions)(client, model, "k%d" % chance.randrange(60), chance)
    check(len(model), client.dbsize(), "dbsize")
    check(sorted(model), sorted(key.decode() for key in client.scan_iter()), "scan")
    keys = sorted(model)
    if keys:
        check([model[key] for key in keys], client.mget(keys), "mget")


def pipelines(client):
    with client.pipeline(transaction=False) as pipe:
        for index in range(500):
            pipe.set("p%d" % index, index)
            pipe.get("p%d" % index)
        replies = pipe.execute()
    check([reply for index in range(500) for reply in (True, str(index).encode())], replies, "pipeline")


def facts(client):
    info = client.info()
    for field in ("redis_version", "process_id", "connected_clients", "used_memory", "role"):
        if field not in info:
            sys.exit("INFO has no %s" % field)
    check("16", client.config_get("databases")["databases"], "config get")
    client.client_setname("python")
    check("python", client.client_getname(), "client getname")
    names = [entry["name"] for entry in client.client_list()]
    if "python" not in names:
        sys.exit("CLIENT LIST does not show the name: %r" % names)
    check(True, client.expire("p1", 100), "expire")
    if not 90 <= client.ttl("p1") <= 100:
        sys.exit("ttl of p1")
    client.set("big", b"b" * 3000000)
    check(3000000, len(client.get("big")), "big value")


def in_threads(port, certs):
    errors = []

    def work(number):
        try:
            client = connect(port, certs)
            for index in range(100):
                client.set("t%d" % number, index)
                check(str(index).encode(), client.get("t%d" % number), "thread")
                client.incr("shared")
            client.close()
        except (SystemExit, redis.RedisError) as error:
            errors.append(str(error))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        sys.exit("in threads: %s" % errors[0])
    check(b"800", connect(port, certs).get("shared"), "shared counter")


def next_message(listener):
    for _ in range(100):
        message = listener.get_message(timeout=0.2)
        if message:
            return message["type"], message["pattern"], message["channel"], message["data"]
    sys.exit("no message comes")


def messages(client, port, certs):
    listener = connect(port, certs).pubsub()
    listener.subscribe("news")
    listener.psubscribe("n?ws", "__keyevent@0__:*")
    for count, channel in enumerate((b"news", b"n?ws", b"__keyevent@0__:*"), 1):
        kind, _, name, number = next_message(listener)
        check((channel, count), (name, number), kind)
    check(2, client.publish("news", b"x" * 20000), "publish")
    check(("message", None, b"news", b"x" * 20000), next_message(listener), "message")
    check(("pmessage", b"n?ws", b"news", b"x" * 20000), next_message(listener), "pmessage")
    client.config_set("notify-keyspace-events", "Exg$")
    client.set("short", 1, px=10)
    for event in (b"set", b"expire", b"expired"):
        check(("pmessage", b"__keyevent@0__:*", b"__keyevent@0__:" + event, b"short"),
              next_message(listener), "notification")
    client.config_set("notify-keyspace-events", "")
    check([(b"news", 1)], client.pubsub_numsub("news"), "pubsub numsub")
    listener.unsubscribe()
    listener.punsubscribe()
    listener.close()
    with connect(port, certs).monitor() as monitor:
        client.echo("seen")
        check("echo seen", monitor.next_command()["command"].lower(), "monitor")


def main():
    port, certs = int(sys.argv[1]), sys.argv[2]
    client = connect(port, certs)
    check(True, client.ping(), "ping")
    for seed in (1, 2):
        mixed(client, 1000, seed)
    pipelines(client)
    facts(client)
    messages(client, port, certs)
    in_threads(port, certs)
    client.flushall()
    client.close()
    # A connection of the same pool is opened anew after the server closed it.
    client = connect(port, certs)
    client.client_kill_filter(_id=client.client_id(), skipme=False)
    check(True, client.ping(), "ping after a kill")


if __name__ == "__main__":
    main()
