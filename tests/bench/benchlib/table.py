"""Results: medians, spreads, bars met or not; as a table and as JSON.

A bar's value is the median of its value in each turn: the measures of one turn were made right after
each other. Its spread is the middle half of those."""

import statistics


class Result:
    """What the turns of a row gave. values: measure -> one number a turn; why: measure -> why it
    gave none."""

    def __init__(self, row):
        self.row, self.values, self.why = row, {}, {}

    def begin(self, names):
        self.values = {name: [] for name in names}

    def median(self, name):
        return statistics.median(self.values[name]) if self.values[name] else None

    def bars(self):
        """(bar, value, low, high, met); value None when something it needs is missing."""
        n = max((len(v) for v in self.values.values()), default=0)
        turns = [Known({name: v[i] if i < len(v) else None for name, v in self.values.items()})
                 for i in range(n)]
        for bar in self.row.bars:
            each = sorted(x for x in (judged(bar, t) for t in turns) if x is not None)
            value = statistics.median(each) if each else None
            met = None if value is None else value <= bar.limit
            yield bar, value, at(each, 0.25), at(each, 0.75), met

    def json(self):
        return {
            "name": self.row.name, "what": self.row.what, "unit": self.row.unit,
            "items_a_value": self.row.whole,
            "values": self.values, "medians": {n: self.median(n) for n in self.values},
            "not_measured": self.why,
            "bars": [{"bar": bar.text, "value": value, "low": low, "high": high,
                      "limit": bar.limit, "unit": bar.unit, "met": met}
                     for bar, value, low, high, met in self.bars()],
        }


class Missing(Exception):
    pass


class Known(dict):
    """Measures by name; asking for one that gave nothing ends the judging of a bar."""

    def __getitem__(self, name):
        value = self.get(name)
        if value is None:
            raise Missing(name)
        return value


def judged(bar, measures):
    try:
        return bar.of(measures)
    except Missing:
        return None


def at(ordered, part):
    """The value that this part of the ordered ones is below: of few, the first or the last."""
    return ordered[round((len(ordered) - 1) * part)] if ordered else None


def number(x):
    if x is None:
        return "-"
    return f"{x:.0f}" if abs(x) >= 1000 else f"{x:.3g}"


HEAD = ("what", "unit", "ours", "floor", "peers", "value (spread)", "bar", "met")


def lines_of(result):
    row = result.row
    ours = number(result.median("ours")) if result.values.get("ours") else "not measured"
    shown = [n for n in result.values if n != "ours" and (not row.shown or n in row.shown)]
    floors = [n for n in shown if n.startswith("floor")]
    peers = [n for n in shown if n not in floors]
    tell = lambda names: ", ".join(f"{n} {number(result.median(n))}" for n in names)
    first = True
    for bar, value, low, high, met in result.bars():
        unit = "" if bar.unit == "x" else f" {bar.unit}"
        ratio = "-" if value is None else f"{number(value)}{unit} ({number(low)}-{number(high)})"
        if first:
            yield (row.what, row.unit, ours, tell(floors), tell(peers), ratio, bar.text,
                   {None: "-", True: "met", False: "NOT MET"}[met])
        else:
            yield ("", "", "", "", "", ratio, bar.text,
                   {None: "-", True: "met", False: "NOT MET"}[met])
        first = False
    for why in sorted(set(result.why.values())):
        names = ", ".join(n for n in result.why if result.why[n] == why)
        yield (f"  not measured{': ' if names else ''}{names}: {why}",) + ("",) * 7


def table(results):
    """All results, as aligned text."""
    rows = [HEAD] + [line for r in results for line in lines_of(r)]
    widths = [max(len(r[i]) for r in rows if not r[0].startswith("  not")) for i in range(len(HEAD))]
    out = ["  ".join(cell.ljust(w) for cell, w in zip(r, widths)).rstrip() for r in rows]
    return "\n".join(out)
