"""What is not a request load: handshakes, their scaling, a storm of them, idle connections."""
import json
import statistics
import subprocess
import time

from . import report

WHO = ("sluice", "peer")
STORM_PROCESSES = 8


def handshake_row(bench, server, count, in_flight, cert, resumes):
    more = ["-n", count, "-c", in_flight] + (["-r"] if resumes else [])
    # The first connections make the thread's caches, and give a ticket.
    bench.run_helper(server, "handshakes", cert, ["-n", 50, "-c", in_flight])
    before = server.thread_times()
    got = bench.run_helper(server, "handshakes", cert, more)
    used = server.used_since(before)
    # The helper checks the server's certificate with one connection of its own.
    total = got["done"] + 1
    if got["failed"]:
        raise RuntimeError("%d handshakes with %s failed" % (got["failed"], server.name))
    return {"all_us": used["all"] / total * 1e6, "main_us": used["main"] / total * 1e6,
            "io_us": used["io"] / total * 1e6, "rate": got["done"] / got["seconds"],
            "resumed_share": got["resumed"] / got["done"],
            "client_us": got["client_cpu"] / total * 1e6}


def handshakes(bench, options):
    """Processor time of one connection: accept, handshake, PING, close."""
    count = 500 if options.quick else 2000
    kinds = [("mutual", True, False, 0.75), ("no-client-cert", False, False, None),
             ("resumed", True, True, None)]
    result = {}
    for kind, cert, resumes, goal in kinds:
        servers = {who: bench.start(who, more=[] if cert else ["--tls-auth-clients", "no"])
                   for who in WHO}
        rounds = {who: [] for who in WHO}
        for index in range(options.rounds):
            for who in WHO if index % 2 == 0 else reversed(WHO):
                rounds[who].append(handshake_row(bench, servers[who], count, 16, cert, resumes))
        for server in servers.values():
            bench.stop(server)
        result[kind] = summarize(rounds, ("all_us", "main_us", "io_us", "rate", "resumed_share"))
        result[kind]["goal"] = goal
    report.print_handshakes(result)
    return result


def summarize(rounds, keys):
    summary = {who: {key: statistics.median(row[key] for row in rounds[who]) for key in keys}
               for who in WHO}
    summary["ratios"] = {key: statistics.median(
        ours[key] / theirs[key] for ours, theirs in zip(rounds["sluice"], rounds["peer"])
        if theirs[key]) for key in keys if any(row[key] for row in rounds["peer"])}
    return summary


def handshake_scaling(bench, options):
    """Full handshakes a second with 1 and 2 I/O threads, 32 in flight.

    The client shares the cores, so the machine itself bounds the rate: `bound` is
    min(threads / server time, cores / (server time + client time)) from the times at one thread,
    and `efficiency` is the measured gain as a share of the gain in bound.
    """
    seconds = 1.5 if options.quick else 3
    result = {}
    for who in WHO:
        rates = {1: [], 2: []}
        rows = {}
        servers = {n: bench.start(who, io_threads=n, more=["--tls-auth-clients", "no"])
                   for n in (1, 2)}
        for index in range(min(options.rounds, 3)):
            for n in (1, 2) if index % 2 == 0 else (2, 1):
                before = servers[n].thread_times()
                got = bench.run_helper(servers[n], "handshakes", False, ["-s", seconds, "-c", 32])
                used = servers[n].used_since(before)
                rates[n].append(got["done"] / got["seconds"])
                rows[n] = {"server_us": used["all"] / got["done"] * 1e6,
                           "client_us": got["client_cpu"] / got["done"] * 1e6}
        for server in servers.values():
            bench.stop(server)
        rate = {n: statistics.median(rates[n]) for n in (1, 2)}
        one = rows[1]
        bound = {n: min(n / one["server_us"], bench_cores(options) / (one["server_us"] + one["client_us"]))
                 * 1e6 for n in (1, 2)}
        gain = rate[2] / rate[1]
        result[who] = {"rate_1": rate[1], "rate_2": rate[2], "gain": gain,
                       "server_us_1": rows[1]["server_us"], "server_us_2": rows[2]["server_us"],
                       "bound_gain": bound[2] / bound[1],
                       "efficiency": gain / (bound[2] / bound[1]),
                       "projected_gain": 2 * rows[1]["server_us"] / rows[2]["server_us"]}
    report.print_scaling(result)
    return result


def bench_cores(_options):
    import os
    return os.cpu_count()


def storm(bench, options):
    """Latency of one established client, 1000 requests a second, while 8 processes make full
    handshakes as fast as they can, 4 in flight each; and where the server's threads and the client
    waited for a processor."""
    seconds = 2 if options.quick else 4
    servers = {who: bench.start(who) for who in WHO}
    rounds = {who: [] for who in WHO}
    for index in range(min(options.rounds, 3)):
        for who in WHO if index % 2 == 0 else reversed(WHO):
            rounds[who].append(storm_once(bench, servers[who], seconds))
    for server in servers.values():
        bench.stop(server)
    keys = ("calm_p99_ms", "main_wait_ms", "client_wait_ms", "p50_ms", "p99_ms", "p999_ms", "max_ms", "storm_rate")
    result = summarize(rounds, keys)
    for who in WHO:
        result[who]["series"] = rounds[who][-1]["series"]
        result[who]["percentiles"] = rounds[who][-1]["percentiles"]
    result["goal"] = 0.17
    report.print_storm(result)
    return result


def storm_once(bench, server, seconds):
    calm = bench.run_helper(server, "latency", True, ["-s", 1, "-i", 900])
    client = subprocess.Popen(
        bench.helper_command(server, "latency", True, ["-s", seconds, "-i", 900, "-w", 0.5]),
        stdout=subprocess.PIPE, text=True)
    client.stdout.readline()
    crowd = [subprocess.Popen(
        bench.helper_command(server, "handshakes", True, ["-s", seconds + 0.5, "-c", 4]),
        stdout=subprocess.PIPE, text=True) for _ in range(STORM_PROCESSES)]
    before = [processor_waits(pid) for pid in (server.process.pid, client.pid)]
    time.sleep(seconds - 0.3)
    after = [processor_waits(pid) for pid in (server.process.pid, client.pid)]
    row = json.loads(client.stdout.read())
    client.wait()
    got = [json.loads(each.stdout.read().strip().split("\n")[-1]) for each in crowd]
    for each in crowd:
        each.wait()
    row["calm_p99_ms"] = calm["p99_ms"]
    row["storm_rate"] = sum(each["done"] / each["seconds"] for each in got)
    row["main_wait_ms"], row["client_wait_ms"] = (
        (last[0] - first[0]) / max(1, last[1] - first[1]) / 1e6
        for first, last in zip(before, after))
    return row


def processor_waits(pid):
    """Of the first thread: nanoseconds that it was runnable and did not run, and how often it ran."""
    with open("/proc/%d/task/%d/schedstat" % (pid, pid)) as f:
        words = f.read().split()
    return int(words[1]), int(words[2])


def idle_memory(bench, options):
    """Resident bytes per connection that made a handshake and one PING, then stays silent."""
    result = {"goal": 0.52}
    for who in WHO:
        server = bench.start(who, more=["--maxclients", str(options.connections + 100)])
        # Threads, contexts and pools exist before the count begins.
        bench.run_helper(server, "handshakes", True, ["-n", 200, "-c", 8])
        before = server.resident_bytes()
        client = subprocess.Popen(
            bench.helper_command(server, "idle", True, ["-n", options.connections, "-c", 32]),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        got = json.loads(client.stdout.readline())
        if got["done"] != options.connections:
            raise RuntimeError("only %d connections with %s" % (got["done"], who))
        at_once = server.resident_bytes() - before
        time.sleep(3)
        settled = server.resident_bytes() - before
        client.stdin.close()
        client.wait()
        bench.stop(server)
        result[who] = {"bytes": settled / options.connections,
                       "bytes_at_once": at_once / options.connections}
    result["ratio"] = result["sluice"]["bytes"] / result["peer"]["bytes"]
    report.print_idle(result, options.connections)
    return result
