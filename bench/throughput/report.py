"""Tables on standard output and in bench/out: text, JSON, and a plot by gnuplot where it is installed."""
import json
import os
import shutil
import subprocess
import sys

lines = []


def say(text=""):
    print(text)
    sys.stdout.flush()
    lines.append(text)


def verdict(ratio, goal):
    if goal is None or ratio is None:
        return ""
    return "  goal <= %.2f: %s" % (goal, "met" if ratio <= goal else "not met")


def print_head(machine):
    say("%s against %s" % (machine["server"], machine["peer"]))
    say("%(cores)d cores (%(model)s), Linux %(kernel)s, %(openssl)s, %(time)s" % machine)
    say("io-threads %(io_threads)d (peer %(peer_io_threads)d), client %(client)s, medians of %(rounds)d rounds, "
        "TLS 1.3 with client certificates" % machine)


def print_workload(w):
    say()
    say("%s: %s" % (w["name"], w["title"]))
    say("  %-8s %12s %9s %9s %9s %9s  | allowed by the cost per thread at 2, 4, 8, 16 I/O threads"
        % ("", "ops/s", "p99 ms", "us/op", "main", "I/O"))
    for who in ("sluice", "peer"):
        row = w[who]
        say("  %-8s %12.0f %9s %9.2f %9.2f %9.2f  | %s"
            % (who, row["rate"], "%.2f" % row["p99_ms"] if row["p99_ms"] is not None else "-",
               row["all_us"], row["main_us"], row["io_us"],
               "  ".join("%9.0f" % row["projected"][n] for n in ("2", "4", "8", "16"))))
    ratios = w["ratios"]
    say("  %-8s %12.2f %9s %9.2f %9.2f%s"
        % ("ratio", ratios["rate"], "", ratios["all_us"], ratios["main_us"],
           verdict(ratios["all_us"], w["goal"])))
    if w["main_goal"] is not None:
        say("  main thread alone: %.2f%s" % (ratios["main_us"], verdict(ratios["main_us"], w["main_goal"])))


def print_handshakes(result):
    say()
    say("handshakes: server microseconds per connection (accept, handshake, PING, close)")
    say("  %-16s %9s %9s %9s %12s %12s" % ("", "sluice", "peer", "ratio", "sluice /s", "peer /s"))
    for kind, h in result.items():
        ours, theirs = h["sluice"], h["peer"]
        note = ""
        if kind == "resumed":
            note = "  (resumed: %.0f %% and %.0f %%)" % (ours["resumed_share"] * 100,
                                                        theirs["resumed_share"] * 100)
        ratio = h["ratios"]["all_us"]
        say("  %-16s %9.0f %9.0f %9.2f %12.0f %12.0f%s%s"
            % (kind, ours["all_us"], theirs["all_us"], ratio, ours["rate"], theirs["rate"],
               verdict(ratio, h["goal"]), note))


def print_scaling(result):
    say()
    say("handshake-scaling: full handshakes without client certificate, 1 and 2 I/O threads")
    say("  %-8s %9s %9s %6s %14s %11s %20s" % ("", "1: /s", "2: /s", "gain", "machine allows",
                                            "efficiency", "us/handshake 1, 2"))
    for who in ("sluice", "peer"):
        s = result[who]
        say("  %-8s %9.0f %9.0f %6.2f %14.2f %11.2f %12.0f %7.0f"
            % (who, s["rate_1"], s["rate_2"], s["gain"], s["bound_gain"], s["efficiency"],
               s["server_us_1"], s["server_us_2"]))


def print_storm(result):
    say()
    say("storm: one established client (PING) while 8 processes connect, 32 in flight; milliseconds")
    say("  (waits: how long main and the client wait for a processor each time)")
    say("  %-8s %9s %9s %9s %9s %9s %14s %10s %12s"
        % ("", "calm p99", "p50", "p99", "p99.9", "max", "handshakes/s", "main waits",
           "client waits"))
    for who in ("sluice", "peer"):
        row = result[who]
        say("  %-8s %9.2f %9.2f %9.2f %9.2f %9.2f %14.0f %10.2f %12.2f"
            % (who, row["calm_p99_ms"], row["p50_ms"], row["p99_ms"], row["p999_ms"], row["max_ms"],
               row["storm_rate"], row["main_wait_ms"], row["client_wait_ms"]))
    ratio = result["ratios"]["p99_ms"]
    say("  p99 ratio %.2f%s" % (ratio, verdict(ratio, result["goal"])))


def print_idle(result, connections):
    say()
    say("idle-memory: resident bytes per idle TLS connection, %d connections" % connections)
    for who in ("sluice", "peer"):
        say("  %-8s %9.0f after 3 s  (%.0f at once)"
            % (who, result[who]["bytes"], result[who]["bytes_at_once"]))
    say("  ratio %.2f%s" % (result["ratio"], verdict(result["ratio"], result["goal"])))


PLOT = """set terminal svg size 900,420 font 'sans,12' background '#ffffff'
set output '%(svg)s'
set style data histogram
set style histogram rowstacked gap 1
set style fill solid 0.9 border -1
set boxwidth 0.8
set ylabel 'share of the peer''s processor time per operation'
set yrange [0:*]
set grid ytics
set bmargin 4
set key top left
set arrow from graph 0, first 1 to graph 1, first 1 nohead dashtype 2
set title '%(title)s'
plot '%(data)s' using 2:xtic(1) title 'main thread' lc rgb '#33658a', \\
     '' using 3 title 'I/O threads' lc rgb '#86bbd8'
"""


def plot(results, out):
    if not results["workloads"] or shutil.which("gnuplot") is None:
        return
    data = os.path.join(out, "tls-throughput.dat")
    with open(data, "w") as f:
        for w in results["workloads"].values():
            peer = w["peer"]["all_us"]
            for who in ("sluice", "peer"):
                f.write('"%s\\n%s" %.4f %.4f\n' % (w["name"], who, w[who]["main_us"] / peer,
                                                  w[who]["io_us"] / peer))
    machine = results["machine"]
    text = PLOT % {"svg": os.path.join(out, "tls-throughput.svg"), "data": data,
                   "title": "%s against %s, TLS, io-threads %d" % (
                       machine["server"], machine["peer"], machine["io_threads"])}
    subprocess.run(["gnuplot"], input=text, text=True, check=False)


def write(results, out):
    os.makedirs(out, exist_ok=True)
    with open(os.path.join(out, "tls-throughput.txt"), "w") as f:
        f.write("\n".join(lines) + "\n")
    with open(os.path.join(out, "tls-throughput.json"), "w") as f:
        json.dump(results, f, indent=1)
    plot(results, out)
    print("\nwritten: %s/tls-throughput.{txt,json,svg}" % out)
