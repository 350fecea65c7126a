"""Plots as SVG, without packages: bars and lines. A plot is a string that stands in a page, or alone."""
import math
from html import escape

WIDTH = 460
LEFT = 62
RIGHT = 16
CAPTION = 40

# Colours by class, light then dark. In a page the page's style has them.
STYLE = """
.plot{--surface:#ffffff;--ink:#16202c;--muted:#5c6875;--grid:#e3e7ec;--ours:#2563eb;--ours-2:#93b4f8;
--theirs:#c2620a;--theirs-2:#eeb98a;--goal:#16202c}
@media (prefers-color-scheme:dark){.plot{--surface:#161b22;--ink:#e6eaf0;--muted:#9aa6b3;--grid:#2b323c;
--ours:#6d9dfc;--ours-2:#2f4f92;--theirs:#f09a4a;--theirs-2:#7d4c1c;--goal:#e6eaf0}}
.plot text{font:13px system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif;fill:var(--ink)}
.plot .muted{fill:var(--muted);font-size:12px}.plot .caption{font-weight:600;font-size:14px}
.plot .surface{fill:var(--surface)}.plot .grid{stroke:var(--grid);stroke-width:1}
.plot .ours{fill:var(--ours)}.plot .ours-2{fill:var(--ours-2)}
.plot .theirs{fill:var(--theirs)}.plot .theirs-2{fill:var(--theirs-2)}
.plot .line{fill:none;stroke-width:2;stroke-linejoin:round;stroke-linecap:round}
.plot .line.ours{stroke:var(--ours);fill:none}.plot .line.theirs{stroke:var(--theirs);fill:none}
.plot .thin{stroke-width:1.2;stroke-dasharray:2 4}
.plot .goal{stroke:var(--goal);stroke-width:1.5;stroke-dasharray:4 3}
"""


def number(value):
    """Three digits, thousands with k and M."""
    if value is None:
        return "-"
    for unit, size in (("M", 1e6), ("k", 1e3)):
        if abs(value) >= size * 0.9995:
            return "%.3g%s" % (value / size, unit)
    return "%.3g" % value


def text(x, y, words, kind="", anchor="start"):
    return '<text x="%.1f" y="%.1f" class="%s" text-anchor="%s">%s</text>' % (
        x, y, kind, anchor, escape(words))


def rectangle(x, y, width, height, kind, note=""):
    title = "<title>%s</title>" % escape(note) if note else ""
    return '<rect x="%.1f" y="%.1f" width="%.1f" height="%.1f" rx="2" class="%s">%s</rect>' % (
        x, y, max(width, 0.5), height, kind, title)


def vertical(x, top, bottom, kind="grid"):
    return '<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" class="%s"/>' % (x, x, top, bottom, kind)


def horizontal(y, left=LEFT, right=WIDTH - RIGHT, kind="grid"):
    return '<line x1="%.1f" x2="%.1f" y1="%.1f" y2="%.1f" class="%s"/>' % (left, right, y, y, kind)


def wrap(title, height, parts, alone):
    style = "<style>%s</style>" % STYLE if alone else ""
    surface = rectangle(0, 0, WIDTH, height, "surface") if alone else ""
    return ('<svg xmlns="http://www.w3.org/2000/svg" class="plot" viewBox="0 0 %d %d" role="img" '
            'aria-label="%s"><title>%s</title>%s%s%s%s</svg>'
            % (WIDTH, height, escape(title, True), escape(title), style, surface,
               text(12, 22, title, "caption"), "".join(parts)))


def legend(entries, y):
    """entries: (class, words), in one row."""
    parts = []
    x = 12
    for kind, words in entries:
        parts.append(rectangle(x, y - 9, 10, 10, kind))
        parts.append(text(x + 15, y, words, "muted"))
        x += 27 + 6.6 * len(words)
    return "".join(parts)


def bars(title, groups, entries, unit, alone=False, goals=()):
    """groups: (label, [(parts, words)]); parts: [(length, class, note)] one behind the other. Lengths
    are of 0 to the longest; `goals` is a length for each group, or None."""
    longest = max(sum(part[0] for part in bar[0]) for _, rows in groups for bar in rows)
    room = WIDTH - 12 - RIGHT - 64
    y = CAPTION + 22
    parts = [legend(entries, CAPTION + 4)]
    for index, (label, rows) in enumerate(groups):
        parts.append(text(12, y + 12, label, "muted"))
        y += 18
        top = y
        goal = goals[index] if index < len(goals) else None
        goal_x = 12 + goal / longest * room if goal else None
        for pieces, words in rows:
            x = 12
            for length, kind, note in pieces:
                width = length / longest * room
                parts.append(rectangle(x, y, max(width - 1, 0.5), 13, kind, note))
                x += width
            # The figure stands clear of the goal's line.
            is_crossed = goal_x is not None and x - 2 < goal_x < x + 12 + 7.5 * len(words)
            parts.append(text((goal_x if is_crossed else x) + 6, y + 11, words))
            y += 16
        if goal_x is not None:
            parts.append(vertical(goal_x, top - 2, y, "goal"))
        y += 8
    parts.append(text(WIDTH - RIGHT, y + 6, unit, "muted", "end"))
    return wrap(title, y + 16, parts, alone)


def ticks_linear(top):
    step = 10 ** math.floor(math.log10(top / 2))
    while top / step > 5:
        step *= 2 if str(step)[0] != "2" else 2.5
    return [step * i for i in range(int(top / step) + 1)]


def ticks_log(low, high):
    return [10.0 ** e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


class Axes:
    """Places of values. x: None for evenly spaced labels, else a function to 0..1."""

    def __init__(self, height, y_range, is_log):
        self.top, self.bottom = CAPTION + 20, height - 42
        self.low, self.high = y_range
        self.is_log = is_log

    def x(self, share):
        return LEFT + share * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        if self.is_log:
            value = max(value, self.low)
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.bottom - share * (self.bottom - self.top)


def lines(title, series, entries, x_marks, labels, alone=False, is_log=False):
    """series: (class, [(share of x, value)], shows dots); x_marks: (share, words); labels: (x, y)."""
    height = 270
    values = [value for _, points, _ in series for _, value in points if value is not None]
    if is_log:
        ticks = ticks_log(max(min(values), 1e-4), max(values))
        axes = Axes(height, (ticks[0], ticks[-1]), True)
    else:
        ticks = ticks_linear(max(values))
        axes = Axes(height, (0, max(max(values) * 1.05, ticks[-1])), False)
    parts = [legend(entries, CAPTION + 4)]
    for tick in ticks:
        parts.append(horizontal(axes.y(tick)))
        parts.append(text(LEFT - 8, axes.y(tick) + 4, number(tick), "muted", "end"))
    for share, words in x_marks:
        anchor = "end" if share > 0.97 else "middle"
        parts.append(text(axes.x(share), axes.bottom + 18, words, "muted", anchor))
    for kind, points, has_dots in series:
        places = ["%.1f,%.1f" % (axes.x(share), axes.y(value)) for share, value in points
                  if value is not None]
        parts.append('<polyline class="line %s" points="%s"/>' % (kind, " ".join(places)))
        if has_dots:
            parts += ['<circle class="%s" cx="%s" cy="%s" r="3.5"><title>%s</title></circle>' % (
                kind, *place.split(","), number(value)) for place, (_, value) in zip(places, points)]
    parts.append(text(WIDTH - RIGHT, height - 6, labels[0], "muted", "end"))
    parts.append(text(12, height - 6, labels[1], "muted"))
    return wrap(title, height, parts, alone)
