"""The request loads: each is run on both servers in turns, several rounds."""
import json
import os
import re
import statistics
import subprocess

from . import report

KINDS = ("all", "main", "io")

# name: what is run: (test, its share of the operations, connections, pipeline, bytes). Several runs
# make one mix: their processor time and their operations add up. warm: operations before the rounds.
# goal: our processor time per operation as a share of redis 7.0.15's.
WORKLOADS = {
    "get-64": {
        "title": "GET 64 B, no pipeline", "keys": 100000, "size": 64, "goal": 0.22, "warm": 10000,
        "runs": [("get", 1.0, 50, 1, 64)]},
    "mixed-p16": {
        "title": "1:10 SET:GET 64 B, pipeline 16", "keys": 100000, "size": 64, "goal": 0.16,
        "warm": 100000, "runs": [("set", 1 / 11, 50, 16, 64), ("get", 10 / 11, 50, 16, 64)]},
    "get-16k": {
        "title": "GET 16 KB", "keys": 1000, "size": 16384, "goal": 0.24, "warm": 5000,
        "runs": [("get", 1.0, 50, 1, 16384)]},
    "get-512-c500": {
        "title": "GET 512 B, 500 connections", "keys": 100000, "size": 512, "goal": 0.22,
        "warm": 10000, "runs": [("get", 1.0, 500, 1, 512)]},
}

# How long the operations of a round take, about; --quick and else.
SECONDS = (1.0, 2.5)

# At least so many requests on each connection, or the round is too short to tell anything.
REQUESTS_MIN = 20

# The main thread's share of the pipelined mix has a goal of its own.
MAIN_GOALS = {"mixed-p16": 0.10}


def client_command(bench, server, options, keys, test, count, connections, pipeline, size):
    certs = bench.certs
    command = [options.client, "-h", "127.0.0.1", "-p", str(server.port), "--tls",
               "--cacert", certs + "/ca.crt", "--cert", certs + "/client.crt",
               "--key", certs + "/client.key", "-t", test, "-n", str(count), "-c", str(connections),
               "-P", str(pipeline), "-d", str(size), "-r", str(keys), "--csv"]
    if options.client_threads > 1:
        command += ["--threads", str(options.client_threads)]
    return command


def parse_rate(output, test):
    """Requests per second and p99 from the client's CSV."""
    for line in output.replace("\r", "\n").split("\n"):
        match = re.match(r'"%s[^"]*","([\d.]+)"((?:,"[\d.]+")*)' % test, line, re.I)
        if match:
            rest = re.findall(r'"([\d.]+)"', match.group(2))
            # avg, min, p50, p95, p99, max
            return float(match.group(1)), float(rest[4]) if len(rest) >= 5 else None
    raise RuntimeError("the client printed no result for %s:\n%s" % (test, output[-1500:]))


def is_own_client(options):
    """Debian's redis-benchmark writes no JSON."""
    return os.path.realpath(options.client).startswith(os.path.realpath(options.root) + os.sep)


def read_details(path):
    """The last test's percentiles and what the client itself cost."""
    with open(path) as f:
        test = json.load(f)["tests"][-1]
    latency = test["latency_ms"]
    return {"percentiles": [[level, latency["p%g" % level]]
                            for level in (50, 75, 90, 95, 99, 99.9, 99.99, 100)],
            "client_us": test["client_cpu_us_per_request"]}


def run_client(bench, server, options, keys, run, count):
    """One start of the client: processor time by kind of thread, rate, p99, the client's details."""
    test, _, connections, pipeline, size = run
    command = client_command(bench, server, options, keys, test, count, connections, pipeline, size)
    details = os.path.join(server.dir, "client.json")
    if is_own_client(options):
        command += ["--json", details]
    before = server.thread_times()
    output = subprocess.run(command, check=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, timeout=120).stdout
    used = server.used_since(before)
    rate, p99 = parse_rate(output, test)
    return used, rate, p99, read_details(details) if is_own_client(options) else {}


def run_once(bench, server, name, options, total):
    """About `total` operations. What connecting costs is not theirs (it has a row of its own, and
    would be half of the operations' time with many connections): the same client with one turn of
    each connection is run too, and taken off."""
    load = WORKLOADS[name]
    used = dict.fromkeys(("main", "io", "other", "all"), 0.0)
    operations = 0
    seconds = 0.0
    for run in load["runs"]:
        _, share, connections, pipeline, _ = run
        turn = connections * pipeline
        count = max(int(total * share), turn * REQUESTS_MIN)
        connecting = run_client(bench, server, options, load["keys"], run, turn)[0]
        spent, rate, p99, details = run_client(bench, server, options, load["keys"], run, count)
        for kind, value in spent.items():
            used[kind] += value - connecting[kind]
        operations += count - turn
        seconds += count / rate
    row = {kind + "_us": used[kind] / operations * 1e6 for kind in ("all", "main", "io", "other")}
    row.update(rate=operations / seconds, p99_ms=p99, operations=operations)
    row.update(details)
    return row


def run(bench, names, options):
    servers = {name: bench.start(name) for name in ("sluice", "peer")}
    results = {}
    for name in names:
        load = WORKLOADS[name]
        totals = {}
        for who, server in servers.items():
            server.load_keys(load["keys"], load["size"])
            warm = run_once(bench, server, name, options, load["warm"])  # caches and buffers too
            totals[who] = warm["rate"] * SECONDS[0 if options.quick else 1]
        rounds = {"sluice": [], "peer": []}
        for index in range(options.rounds):
            order = ("sluice", "peer") if index % 2 == 0 else ("peer", "sluice")
            for who in order:
                rounds[who].append(run_once(bench, servers[who], name, options, totals[who]))
        results[name] = summarize(name, rounds)
        report.print_workload(results[name])
    for server in servers.values():
        bench.stop(server)
    return results


def median_of(rounds, key):
    values = [row[key] for row in rounds if row.get(key) is not None]
    return statistics.median(values) if values else None


def ratio_of(rounds, key):
    """Median over rounds of ours by theirs, each round's pair having run side by side."""
    ratios = [ours[key] / theirs[key] for ours, theirs in zip(rounds["sluice"], rounds["peer"])
              if theirs[key]]
    return statistics.median(ratios) if ratios else None


def projection(row, threads):
    """What these costs per thread allow: all work on main when there is no I/O thread's share."""
    limits = []
    if row["main_us"] > 0:
        limits.append(1e6 / row["main_us"])
    if row["io_us"] > 0.001:
        limits.append(threads * 1e6 / row["io_us"])
    return min(limits)


def summarize(name, rounds):
    load = WORKLOADS[name]
    summary = {"name": name, "title": load["title"], "goal": load["goal"],
               "main_goal": MAIN_GOALS.get(name), "rounds": rounds}
    for who in ("sluice", "peer"):
        row = {key: median_of(rounds[who], key)
               for key in ("all_us", "main_us", "io_us", "other_us", "rate", "p99_ms")}
        percentiles = [each["percentiles"] for each in rounds[who] if "percentiles" in each]
        if percentiles:
            row["percentiles"] = [[level, statistics.median(each[index][1] for each in percentiles)]
                                  for index, (level, _) in enumerate(percentiles[0])]
            row["client_us"] = median_of(rounds[who], "client_us")
        row["projected"] = {str(n): projection(row, n) for n in (2, 4, 8, 16)}
        summary[who] = row
    summary["ratios"] = {key: ratio_of(rounds, key) for key in ("all_us", "main_us", "rate")}
    return summary
