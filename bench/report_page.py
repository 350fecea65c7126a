"""The page of bench/report: sections of plots with tables beside them, and what is in them."""
import math
from html import escape

import report_svg as svg

WHO = ("sluice", "peer")

STYLE = """
:root{color-scheme:light dark;--page:#f4f6f8;--card:#ffffff;--text:#16202c;--soft:#5c6875;--rule:#dde2e8}
@media (prefers-color-scheme:dark){:root{--page:#0d1117;--card:#161b22;--text:#e6eaf0;--soft:#9aa6b3;--rule:#2b323c}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--text);font:16px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,
'DejaVu Sans',sans-serif}
main{max-width:1060px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:1.7rem;line-height:1.2;margin:.4em 0 .2em}h2{font-size:1.2rem;margin:2em 0 .2em}
p{margin:.3em 0 1em;color:var(--soft);max-width:70ch}
nav a{color:inherit;margin-right:1em;white-space:nowrap}
.figures{display:flex;flex-direction:column;gap:16px}
figure{margin:0;background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px;display:flex;
flex-wrap:wrap;gap:12px 24px;align-items:center}
figure svg{flex:1 1 420px;min-width:0;max-width:100%;height:auto}
.table{flex:1 1 300px;min-width:0;overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:.85rem;font-variant-numeric:tabular-nums}
th,td{padding:4px 8px;text-align:right;border-bottom:1px solid var(--rule);white-space:nowrap}
th{color:var(--soft);font-weight:600}th:first-child,td:first-child{text-align:left}
td:first-child{white-space:normal}
@media (max-width:520px){main{padding:16px 12px 48px}figure{padding:8px}th,td{padding:3px 4px}table{font-size:.78rem}}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin:20px 0}
.tile{background:var(--card);border:1px solid var(--rule);border-radius:10px;padding:12px}
.tile b{display:block;font-size:1.5rem}.tile span{color:var(--soft);font-size:.85rem}
"""


def table(head, rows):
    cells = lambda tag, row: "".join("<%s>%s</%s>" % (tag, escape(str(cell)), tag) for cell in row)
    return ('<div class="table"><table><thead><tr>%s</tr></thead><tbody>%s</tbody></table></div>'
            % (cells("th", head), "".join("<tr>%s</tr>" % cells("td", row) for row in rows)))


def figure(plot, head, rows):
    return "<figure>%s%s</figure>" % (plot, table(head, rows))


class Report:
    """Plots of one result, by name; a name whose measurement is missing has none."""

    def __init__(self, results):
        self.results = results
        self.machine = results.get("machine", {})
        self.names = {"sluice": "Sluice", "peer": self.machine.get("peer", "peer")}
        self.lines_legend = [("ours", self.names["sluice"]), ("theirs", self.names["peer"])]

    def workloads(self):
        return self.results.get("workloads", {})

    def projected(self):
        """Of a run with all connections on I/O threads, where there is one: placement that adapts leaves
        work on the main thread while that has time, and what it could hand over does not show."""
        return self.results.get("projection", {}).get("workloads") or self.workloads()

    # -- processor time --

    def cost_rows(self):
        """(label, goal, {who: row of main_us, io_us, all_us})"""
        rows = [(w["title"], w.get("goal"), w) for w in self.workloads().values()]
        for kind, h in self.results.get("handshakes", {}).items():
            words = {"mutual": "full handshake, client certificate", "resumed": "resumed handshake",
                     "no-client-cert": "full handshake, no client certificate"}.get(kind, kind)
            rows.append((words, h.get("goal"), h))
        return rows

    def cost(self, alone=False):
        groups = []
        goals = []
        for label, goal, row in self.cost_rows():
            whole = row["peer"]["all_us"]
            bars = []
            for who, kind in (("sluice", "ours"), ("peer", "theirs")):
                r = row[who]
                rest = max(r["all_us"] - r["main_us"], 0)
                bars.append(([(r["main_us"] / whole, kind, "main thread %.2f µs" % r["main_us"]),
                              (rest / whole, kind + "-2", "other threads %.2f µs" % rest)],
                             "%s µs" % ("%.0f" if r["all_us"] >= 100 else "%.3g") % r["all_us"]))
            groups.append((label, bars))
            goals.append(goal)
        if not groups:
            return None
        entries = [("ours", "Sluice main"), ("ours-2", "I/O"),
                   ("theirs", self.names["peer"] + " main"), ("theirs-2", "I/O")]
        return svg.bars("Processor time per operation", groups, entries,
                        "share of the peer's; dashed: the goal", alone, goals)

    def cost_figures(self):
        plot = self.cost()
        if not plot:
            return ""
        rows = [(label, "%.2f" % r["sluice"]["all_us"], "%.2f" % r["peer"]["all_us"],
                 "%.2f" % (r["sluice"]["all_us"] / r["peer"]["all_us"]), "%.2f" % goal if goal else "-")
                for label, goal, r in self.cost_rows()]
        return figure(plot, ("", "Sluice µs", "peer µs", "ratio", "goal"), rows)

    # -- latency --

    def latency(self, name, alone=False):
        w = self.workloads().get(name)
        if not w or "percentiles" not in w["sluice"] or "percentiles" not in w["peer"]:
            return None
        return self.percentiles_plot("Latency: " + w["title"], {who: w[who]["percentiles"] for who in WHO}, alone)

    def percentiles_plot(self, title, of, alone=False):
        """Nines are evenly spaced: 90, 99, 99.9 ..."""
        deepest = 4.0
        place = lambda level: min(-math.log10(max(1 - level / 100, 10 ** -deepest)), deepest) / deepest
        series = [(kind, [(place(level), max(ms, 1e-3)) for level, ms in of[who]
                          if level < 100], True)
                  for who, kind in (("sluice", "ours"), ("peer", "theirs"))]
        marks = [(place(level), "%g" % level) for level in (50, 90, 99, 99.9, 99.99)]
        return svg.lines(title, series, self.lines_legend, marks, ("percentile", "milliseconds"),
                         alone, is_log=True)

    def latency_figures(self):
        figures = []
        for name, w in self.workloads().items():
            plot = self.latency(name)
            if plot:
                rows = [("%g %%" % level if level < 100 else "worst", "%.3f" % ours, "%.3f" % theirs)
                        for (level, ours), (_, theirs) in zip(w["sluice"]["percentiles"],
                                                              w["peer"]["percentiles"])]
                figures.append(figure(plot, ("", "Sluice ms", "peer ms"), rows))
        return "".join(figures)

    # -- scaling --

    def scaling(self, name, alone=False):
        w = self.projected().get(name)
        if not w:
            return None
        counts = ("2", "4", "8", "16")
        series = [(kind, [(0.05 + 0.9 * i / 3, w[who]["projected"][n]) for i, n in enumerate(counts)], True)
                  for who, kind in (("sluice", "ours"), ("peer", "theirs"))]
        return svg.lines("Predicted: " + w["title"], series, self.lines_legend,
                         [(0.05 + 0.9 * i / 3, n) for i, n in enumerate(counts)],
                         ("I/O threads", "operations per second"), alone)

    def scaling_run(self):
        run = self.results.get("projection", {}).get("machine", {})
        return " Taken with %s, %s." % (run["server_args"], run["time"]) if run.get("server_args") else ""

    def scaling_figures(self):
        figures = []
        for name, w in self.projected().items():
            rows = [(n, svg.number(w["sluice"]["projected"][n]), svg.number(w["peer"]["projected"][n]))
                    for n in ("2", "4", "8", "16")]
            figures.append(figure(self.scaling(name), ("threads", "Sluice ops/s", "peer ops/s"), rows))
        s = self.results.get("scaling")
        if s:
            rows = [(self.names[who], "%.0f" % s[who]["rate_1"], "%.0f" % s[who]["rate_2"],
                     "%.2f" % s[who]["gain"], "%.2f" % s[who]["bound_gain"]) for who in WHO]
            figures.append("<figure>%s</figure>" % table(
                ("full handshakes a second, measured", "1 thread", "2 threads", "gain", "machine allows"), rows))
        return "".join(figures)

    # -- memory --

    def memory(self, alone=False):
        idle = self.results.get("idle")
        if not idle:
            return None
        groups = [(self.names[who], [([(idle[who]["bytes"], kind, "%.0f bytes" % idle[who]["bytes"])],
                                      "%.1f KB" % (idle[who]["bytes"] / 1024))])
                  for who, kind in (("sluice", "ours"), ("peer", "theirs"))]
        goal = idle["goal"] * idle["peer"]["bytes"] if idle.get("goal") else None
        return svg.bars("Resident memory per idle TLS connection", groups, self.lines_legend,
                        "dashed: the goal", alone, (goal,))

    def memory_figures(self):
        plot = self.memory()
        if not plot:
            return ""
        idle = self.results["idle"]
        rows = [(self.names[who], "%.0f" % idle[who]["bytes"], "%.0f" % idle[who]["bytes_at_once"])
                for who in WHO] + [("ratio", "%.2f" % idle["ratio"], "")]
        return figure(plot, ("bytes", "after 3 s", "at once"), rows)

    # -- storm --

    def storm(self, alone=False):
        storm = self.results.get("storm")
        if not storm or any(not storm[who].get("series") for who in WHO):
            return None
        end = max(step[0] for who in WHO for step in storm[who]["series"]) + 100
        series = []
        for who, kind in (("sluice", "ours"), ("peer", "theirs")):
            points = storm[who]["series"]
            series.append((kind + " thin", [(t / end, max(worst, 1e-2)) for t, _, worst in points], False))
            series.append((kind, [(t / end, max(p50, 1e-2)) for t, p50, _ in points], False))
        marks = [(i / 4, "%.1f" % (end * i / 4000)) for i in range(5)]
        return svg.lines("Latency while 8 processes make handshakes", series, self.lines_legend, marks,
                         ("seconds", "ms of each 100 ms: median, worst (dotted)"), alone, is_log=True)

    def storm_figures(self):
        plot = self.storm()
        if not plot:
            return ""
        storm = self.results["storm"]
        rows = [(words, "%.2f" % storm["sluice"][key], "%.2f" % storm["peer"][key]) for words, key in (
            ("calm p99 ms", "calm_p99_ms"), ("p50 ms", "p50_ms"), ("p99 ms", "p99_ms"),
            ("p99.9 ms", "p999_ms"), ("worst ms", "max_ms"))]
        rows.append(("handshakes/s", *("%.0f" % storm[who]["storm_rate"] for who in WHO)))
        return figure(plot, ("", "Sluice", "peer"), rows)

    # -- everything --

    def sections(self):
        return [
            ("cost", "Cost per operation", "Processor time of all threads for one operation, as a share of "
             "the peer's. It does not depend on how many cores there are.", self.cost_figures()),
            ("latency", "Latency", "What the client saw, from the write of a request to its reply; both axes "
             "logarithmic, each mark on the right is one more nine.", self.latency_figures()),
            ("scaling", "Scaling, predicted", "What the measured time per thread allows: the main thread's "
             "limit, or the I/O threads', whichever is lower, had each a core of its own." + self.scaling_run(),
             self.scaling_figures()),
            ("memory", "Memory per connection", "Resident bytes that one idle TLS connection adds.",
             self.memory_figures()),
            ("storm", "Handshake storm", "One established client asks 1000 times a second while others connect "
             "as fast as they can, 32 at a time.", self.storm_figures()),
        ]

    def plots(self):
        """{file name: svg that stands alone}"""
        plots = {"cost": self.cost(True), "memory": self.memory(True), "storm": self.storm(True)}
        for name in self.workloads():
            plots["latency-" + name] = self.latency(name, True)
        for name in self.projected():
            plots["scaling-" + name] = self.scaling(name, True)
        return {name: plot for name, plot in plots.items() if plot}

    def tiles(self):
        tiles = []
        ratios = [w["ratios"]["all_us"] for w in self.workloads().values() if w["ratios"].get("all_us")]
        if ratios:
            tiles.append(("%.1f×" % (1 / max(ratios)), "less processor time per operation, at least"))
        h = self.results.get("handshakes", {}).get("mutual")
        if h:
            tiles.append(("%.1f×" % (h["peer"]["all_us"] / h["sluice"]["all_us"]), "less per full handshake"))
        if self.results.get("idle"):
            tiles.append(("%.1f×" % (1 / self.results["idle"]["ratio"]), "less memory per connection"))
        storm = self.results.get("storm")
        if storm:
            tiles.append(("%.0f ms" % storm["sluice"]["p99_ms"],
                          "p99 in a handshake storm, peer %.0f ms" % storm["peer"]["p99_ms"]))
        return "".join('<div class="tile"><b>%s</b><span>%s</span></div>' % (escape(a), escape(b)) for a, b in tiles)

    def page(self):
        m = self.machine
        title = "%s against %s, over TLS" % (m.get("server", "sluice"), m.get("peer", "its peer"))
        about = "%s cores (%s), Linux %s, %s; io-threads %s, the peer's %s; medians of %s rounds; %s" % tuple(
            m.get(key, "?") for key in ("cores", "model", "kernel", "openssl", "io_threads",
                                        "peer_io_threads", "rounds", "time"))
        parts = []
        for name, head, words, figures in self.sections():
            body = figures or "<figure>Not measured: run bench/tls-throughput.</figure>"
            parts.append('<section id="%s"><h2>%s</h2><p>%s</p><div class="figures">%s</div></section>'
                         % (name, escape(head), escape(words), body))
        links = " ".join('<a href="#%s">%s</a>' % (name, escape(head)) for name, head, _, _ in self.sections())
        return ('<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
                '<meta name="viewport" content="width=device-width,initial-scale=1"><title>%s</title>'
                "<style>%s%s</style></head><body><main><h1>%s</h1><p>%s</p><nav>%s</nav>"
                '<div class="tiles">%s</div>%s</main></body></html>\n'
                % (escape(title), STYLE, svg.STYLE, escape(title), escape(about), links, self.tiles(),
                   "\n".join(parts)))
