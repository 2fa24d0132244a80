# SPDX-License-Identifier: Apache-2.0
"""Figures beside their bars: on the terminal, as JSON, as the page docs/benchmarks.md."""

import json
import statistics

TABLE_HEAD = ("| figure | median | min .. max | bar | |", "| --- | --- | --- | --- | --- |")
PAGE_HEAD = (
    "# Benchmarks",
    "",
    "Written by `make bench RECORD=1`; do not edit. Ratios are of figures measured in pairs, one",
    "after the other in the same run: the gateway (or nginx) pinned to one core, load and",
    "upstream to the other. nginx is a plain keep-alive reverse proxy without logs",
    "(`tests/bench/nginx.conf.in`); Sluice classifies, routes `auto` over three targets,",
    "journals, writes its ledger, counts its metrics. How each figure is taken is written",
    "at the head of its function in `tests/bench/sections.py`. Medians of the rounds.",
    "`icount*`: instructions of user and kernel, in an emulated machine (`guest.py`).",
    "",
)


def spread(values):
    return {
        "median": statistics.median(values),
        "min": min(values),
        "max": max(values),
        "n": len(values),
    }


def show(value):
    if value is None:
        return "-"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    if 1 < abs(value) < 2:
        return f"{value:.4g}"  # ratios near a bar
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


class Table:
    def __init__(self):
        self.rows = []

    def add(self, section, name, values, unit="", bar=None, at_least=False, stretch=None, note=""):
        """`values`: one figure or those of all rounds; the median is held against the bar."""
        figures = spread(values if isinstance(values, list) else [values])
        row = {
            "section": section,
            "name": name,
            "unit": unit,
            "bar": bar,
            "at_least": at_least,
            "stretch": stretch,
            "note": note,
            **figures,
        }
        if bar is not None:
            row["pass"] = figures["median"] >= bar if at_least else figures["median"] <= bar
        self.rows.append(row)
        print(self.line(row), flush=True)
        return figures["median"]

    def skip(self, section, why):
        self.rows.append({"section": section, "name": "skipped", "note": why})
        print(f"{section:10s} SKIP {why}", flush=True)

    def fail(self, section, why):
        self.rows.append({"section": section, "name": "failed", "note": why, "pass": False})
        print(f"{section:10s} FAIL {why}", flush=True)

    @staticmethod
    def bar_text(row):
        if row.get("bar") is None:
            return ""
        text = ("at least " if row["at_least"] else "at most ") + show(row["bar"])
        return text + (
            f" (stretch {show(row['stretch'])})" if row.get("stretch") is not None else ""
        )

    def line(self, row):
        range_text = f"[{show(row['min'])} .. {show(row['max'])}]" if row["n"] > 1 else ""
        verdict = "" if row.get("pass") is None else "pass" if row["pass"] else "MISS"
        return (
            f"{row['section']:10s} {row['name']:58s} {show(row['median']):>9s} {row['unit']:8s}"
            f" {range_text:22s} {self.bar_text(row):26s} {verdict}"
        )

    def failed(self):
        return sum(1 for row in self.rows if row.get("pass") is False)

    def passed(self):
        return sum(1 for row in self.rows if row.get("pass") is True)

    def write_json(self, path, about):
        with open(path, "w", encoding="utf-8") as file:
            json.dump({"about": about, "rows": self.rows}, file, indent=1)

    def sections(self):
        """{section: its lines of the page}, in the order of the rows."""
        found = {}
        for row in self.rows:
            lines = found.setdefault(row["section"], [f"## {row['section']}", "", *TABLE_HEAD])
            lines.append(self.page_line(row))
        return found

    def page_line(self, row):
        if "median" not in row:
            return f"| {row['name']}: {row['note']} | | | | |"
        verdict = "" if row.get("pass") is None else "pass" if row["pass"] else "**miss**"
        note = f" ({row['note']})" if row["note"] else ""
        figures = f"{show(row['median'])} {row['unit']} | {show(row['min'])} .. {show(row['max'])}"
        return f"| {row['name']}{note} | {figures} | {self.bar_text(row)} | {verdict} |"

    def write_page(self, path, about):
        """The whole page, after a run of all sections."""
        lines = [*PAGE_HEAD, *(f"- {name}: {value}" for name, value in about.items())]
        for section in self.sections().values():
            lines += ["", *section]
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def update_page(self, path, about):
        """Puts the sections of this run in the place of those of the page, and says when and of
        what commit they are; new ones come last."""
        with open(path, encoding="utf-8") as file:
            head, *old = file.read().rstrip("\n").split("\n\n## ")
        parts = {part.split("\n", 1)[0]: "## " + part for part in old}
        for name, lines in self.sections().items():
            when = f"Recorded {about['date']}, commit {about['commit']}."
            parts[name] = "\n".join([*lines[:2], when, "", *lines[2:]])
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n\n".join([head, *parts.values()]) + "\n")
