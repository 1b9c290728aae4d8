"""The numbers as tables in docs/benchmarks.md, between two markers. What misses its target is said so."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import gates

PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"
BEGIN, END = "<!-- measured: begin (python benchmarks/run.py) -->", "<!-- measured: end -->"
Row = tuple[str, str, str, bool | None]


def write(results: dict[str, Any]) -> None:
    """Replace what is between the markers."""
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    PAGE.write_text(f"{before}{BEGIN}\n\n{tables(results)}\n{END}{after}", encoding="utf-8")


def tables(results: dict[str, Any]) -> str:
    """Everything that was measured, in markdown."""
    parts = ["## What it must reach", targets(results)]
    if found := results.get("pipelines"):
        parts += ["## Side by side", side_by_side(found), "### Where Headgate's time goes", steps(found)]
    if found := results.get("memory"):
        parts += ["### Ten times as many rows", ten_times(found)]
    if found := results.get("totesys"):
        parts += ["### Where the time of a cycle of totesys goes", cycle(found)]
    if found := results.get("month"):
        parts += [f"### {found['runs']:,} runs of totesys, by day", days(found)]
    parts += ["## Measured on", measured_on(results)]
    return "\n\n".join(parts) + "\n"


def targets(results: dict[str, Any]) -> str:
    """Each target beside what was measured; a part that was not measured says so."""
    rows: list[Row] = []
    for part, make in _TARGETS.items():
        rows += make(results[part]) if part in results else [(f"({part})", "", "not measured", None)]
    words = {True: "yes", False: "**no**", None: ""}
    return _table(("what", "must", "measured", "reached"), [(*row[:3], words[row[3]]) for row in rows])


def side_by_side(found: dict[str, Any]) -> str:
    """Every contender, with what readers see of bad rows."""
    bad = list(next(c["bad_rows"] for c in found["contenders"].values() if c["bad_rows"]))
    head = [
        "",
        "checks",
        "check of the project",
        "first run",
        "nothing changed",
        "one week added",
        "another week",
        "peak memory",
        "× bare",
    ]
    rows = []
    for name, each in found["contenders"].items():
        ratio = found["ratios"].get(f"{name}/bare")
        rows.append(
            [
                each["title"],
                each["checks"],
                _seconds(each.get("check")),
                _seconds(each["first"]),
                _seconds(each.get("again")),
                _seconds(each.get("week")),
                _seconds(each.get("next_week")),
                _gib(each["peak"]["median"]),
                f"{ratio['median']:.1f}" if ratio else "1",
                *(_sight(each["bad_rows"].get(row)) for row in bad),
            ]
        )
    return _table([*head, *(f"reader sees {row}" for row in bad)], rows)


def steps(found: dict[str, Any]) -> str:
    """Seconds of each step, in the first run, with nothing new, and with one more week."""
    kinds = found["steps"]
    names = list(dict.fromkeys(name for each in kinds.values() for name in each))
    rows = [[name, *(f"{kinds[k][name]:.2f}" if name in kinds[k] else "–" for k in kinds)] for name in names]
    rows.append(["**together**", *(f"**{sum(kinds[k].values()):.2f}**" for k in kinds)])
    titles = {"first": "first run", "again": "nothing new", "week": "one week added", "next_week": "another week"}
    return _table(["seconds", *(titles[k] for k in kinds)], rows)


def ten_times(found: dict[str, Any]) -> str:
    """The run on the large input."""
    rows = ", ".join(f"{count:,}" for count in found["rows"].values())
    where = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in found["steps"].items() if seconds)
    return (
        f"{rows} rows ({found['bytes'] / 1e6:.0f} MB of CSV, {found['input']}) with `memory_limit: {found['limit']}`: "
        f"{found['status']} after {found['seconds']:.0f} s, peak memory {_gib(found['peak'])}. {where}."
        + (f"\n\n    {found['error'].splitlines()[0]}" if found["error"] else "")
    )


def cycle(found: dict[str, Any]) -> str:
    """Seconds of each step of a run that has some changes."""
    rows = [[name, f"{seconds:.2f}"] for name, seconds in found["steps"].items()]
    rows.append(["**together**", f"**{sum(found['steps'].values()):.2f}**"])
    return _table(["seconds", f"{found['changed_rows']['median']:.0f} changed rows"], rows)


def days(found: dict[str, Any]) -> str:
    """What a run cost and left, in the middle of each fifth day."""
    head = ["day", "run", "of it processor", "catalog", "files read", "files", "lake", "ledger", "memory", "pruning"]
    chosen = sorted({0, *range(4, len(found["days"]), 5), len(found["days"]) - 1})
    rows = []
    for day in chosen:
        each = found["days"][day]
        sizes = [f"{each[name] / 1e6:.1f} MB" for name in ("lake", "ledger", "resident")]
        pruning = f"{each['prune']:.1f} s" if "prune" in each else "–"
        rows.append(
            [
                str(day + 1),
                f"{each['seconds']:.2f} s",
                f"{each['cpu']:.2f} s",
                f"{each['catalog'] / 1e6:.2f} MB",
                f"{each['tables']:.0f}",
                f"{each['files']:,.0f}",
                *sizes,
                pruning,
            ]
        )
    return _table(head, rows)


def measured_on(results: dict[str, Any]) -> str:
    """Where and when."""
    parts = [name for name in _TARGETS if name in results]
    facts = ["when", "input", *results[parts[0]]["machine"]] if parts else []
    rows = []
    for fact in facts:
        said: dict[str, list[str]] = {}
        for part in parts:
            entry = results[part]
            text = entry[fact] if fact in ("when", "input") else entry["machine"].get(fact, "")
            if text:
                said.setdefault(text, []).append(part)
        each = [text if len(said) == 1 else f"{text} ({', '.join(names)})" for text, names in said.items()]
        rows.append([fact, "; ".join(each)])
    return _table(["", ""], rows)


def _pipelines(found: dict[str, Any]) -> Iterable[Row]:
    own, ratios = found["contenders"]["headgate"], found["ratios"]
    others = {n: c for n, c in found["contenders"].items() if c["platform"] and not n.startswith("headgate")}
    first = own["first"]["median"]
    ahead = all(first < c["first"]["median"] for c in others.values())
    listed = ", ".join(f"{c['title']} {c['first']['median']:.1f} s" for c in others.values())
    seen = [row for row, each in own["bad_rows"].items() if each["seen_in"] or not each["refused"]]
    peak = own["peak"]["median"]
    return [
        *_runs(ratios, "headgate", ""),
        *_runs(ratios, "headgate_unchecked", ", project never checked"),
        ("the same job by other platforms", "ahead of each", f"{first:.1f} s; {listed}", ahead),
        ("readers see bad rows", "never", ", ".join(seen) or "none", not seen),
        ("again, nothing new", "≤ 0.7 s", _seconds(own["again"]), own["again"]["median"] <= 0.7),
        ("peak memory of the run", "≤ 2 GiB", _gib(peak), peak <= 2 * 2**30),
    ]


def _runs(ratios: dict[str, Any], name: str, which: str) -> Iterable[Row]:
    whole = ratios[f"{name}/bare"]
    yield f"whole run, fresh lake{which}", "≤ 2.8 × bare (aim 1.9)", _ratio(whole), whole["median"] <= 2.8
    for week, title in (("week", "one week added"), ("next_week", "each week after it")):
        ratio = ratios[f"{name}: {week}/first"]
        yield f"{title}{which}", "≤ 0.6 × of the fresh run", _ratio(ratio), ratio["median"] <= 0.6


def _gate(found: dict[str, Any]) -> Iterable[Row]:
    ours, theirs, cold = found["headgate"], found["gx"], found["ratio_at_rest"]
    judged = found["proven"] + found["scanned"]
    again = ours["again_in_hand"]["median"]
    read = (
        f"{_ratio(cold)}: {_ms(ours['validate'])}, Great Expectations {_ms(theirs['read'])} to read "
        f"and {_ms(theirs['validate'])} to judge"
    )
    return [
        (f"gate of raw.train, {judged} expectations, data at rest", "≥ 10 × faster", read, cold["median"] >= 10),
        (
            "the same, nothing changed",
            "≤ 5 ms",
            f"{_ms(ours['again_in_hand'])}; with reading the catalog {_ms(ours['again'])}",
            again <= 5e-3,
        ),
    ]


def _gates(found: dict[str, Any]) -> Iterable[Row]:
    raw, trips, models, process = found["raw"], found["trips"], found["models"], found["process"]
    scanned = raw["scanned"]["median"] / raw["bare"]["median"]
    peers = {gates.CHECKERS[name][2]: each for name, each in trips.items() if name in gates.CHECKERS}
    ahead = all(trips["headgate"]["process"]["median"] < each["process"]["median"] for each in peers.values())
    listed = ", ".join(f"{title} {each['process']['median']:.1f} s" for title, each in peers.items())
    hundred, thousand = found["wide"]["100"], found["wide"]["1000"]
    limited = found["limited"]
    texts = [found["appended_texts"]] if "appended_texts" in found else []  # older results have none
    return [
        (
            "13 expectations × 1,017,209 rows, nothing provable",
            "≤ 2 × bare scan",
            f"{scanned:.1f} ×: {_ms(raw['scanned'])}, bare {_ms(raw['bare'])}",
            scanned <= 2,
        ),
        ("the same with proofs", "≤ 10 ms", _ms(raw["proven"]), raw["proven"]["median"] <= 10e-3),
        *(_beside_sql(trips, name, title) for name, title in gates.BY_HAND.items() if name in trips),
        (
            "the same, whole process",
            "ahead of each",
            f"{trips['headgate']['process']['median']:.1f} s; {listed}",
            ahead,
        ),
        (
            f"38 checks × {gates.MANY_ROWS:,} rows, memory_limit {gates.LIMIT}",
            "finishes",
            f"{limited['checked']} checked, loading included {limited['process']:.0f} s, {_gib(limited['peak'])}",
            limited["checked"] == 38,
        ),
        *(_appended(f"1 % appended to {int(rows):,} rows", each) for rows, each in found["appended"].items()),
        *(_appended(f"1 % appended to {gates.ROWS:,} orders, expectations on texts", each) for each in texts),
        (
            "1,000 expectations on 200 columns",
            "≤ 3 × 100 of them",
            f"{thousand / hundred:.1f} ×: {thousand * 1e3:.0f} ms, {hundred * 1e3:.0f} ms",
            thousand <= 3 * hundred,
        ),
        (
            f"{models['models']} models with {2 * models['models']} tests",
            "≤ 1.0 × dbt build on a file (aim 0.8)",
            f"{_ratio(models['ratio'])}: {_seconds(models['headgate'])}, dbt {_seconds(models['dbt'])}",
            models["ratio"]["median"] <= 1.0,
        ),
        ("`headgate gate`, a million rows, as a process", "≤ 0.7 s", _seconds(process, 2), process["median"] <= 0.7),
    ]


def _beside_sql(trips: dict[str, Any], name: str, title: str) -> Row:
    ours, by_hand = trips["headgate"]["evaluation"], trips[name]["evaluation"]
    ratio = ours["median"] / by_hand["median"]
    measured = f"{ratio:.2f} ×: {_seconds(ours)}, {_seconds(by_hand)}"
    return f"38 checks × {gates.ROWS:,} rows, evaluation", f"≤ 1.1 × {title}", measured, ratio <= 1.1


def _appended(title: str, found: dict[str, Any]) -> Row:
    more, full = found["appended"], found["full"]
    measured = f"{more / full:.0%}: {more * 1e3:.0f} ms, full {full * 1e3:.0f} ms"
    return title, "≤ 5 % of the full check", measured, more <= 0.05 * full


#: What the load is made of that no code of ours can save; older results do not have it.
_BARE = {
    "rows": "DuckDB's scanner into one Parquet file, without hash and log",
    "logged": "the same with the hash and the other columns of a change log",
}


def _databases(found: dict[str, Any]) -> Iterable[Row]:
    full, dlt, changed = found["full/copy"], found["dlt/full"], found["changed/full"]
    reconcile, dlt_changed = found["reconcile"], _seconds(found["dlt_changed"])
    blocks, whole, moved = reconcile["blocks"], reconcile["whole"], reconcile["moved"]
    return [
        (
            f"{found['rows']:,} rows × 12 columns of PostgreSQL into the change log",
            "≤ 1.6 × a COPY thrown away",
            f"{_ratio(full)}: {_seconds(found['full'])}, COPY {_seconds(found['copy'])}; {_whole(found, 'full')}",
            full["median"] <= 1.6,
        ),
        *(
            (what, "", f"{_ratio(ratio)} the COPY: {_seconds(found[f'parquet_{way}'])}", None)
            for way, what in _BARE.items()
            if (ratio := found.get("parquet/copy", {}).get(way))
        ),
        (
            f"the same by dlt ({found['backend']}) into a DuckLake",
            "≥ 4 × slower",
            f"{_ratio(dlt)}: {_seconds(found['dlt_full'])}",
            dlt["median"] >= 4,
        ),
        (
            "1 % of its rows changed, by cursor",
            "≤ 0.15 × of the full load",
            f"{_ratio(changed)}: {_seconds(found['changed'])}, dlt {dlt_changed}; {_whole(found, 'changed')}",
            changed["median"] <= 0.15,
        ),
        (
            f"reconcile, {reconcile['edits']} silent edits",
            "no slower than comparing everything",
            f"{_seconds(blocks)}, everything {_seconds(whole)}",
            blocks["median"] <= whole["median"],
        ),
        ("rows that it moves over the wire", "≤ 12 %", f"{moved:.1%}", moved <= 0.12),
    ]


def _whole(found: dict[str, Any], what: str) -> str:
    return f"the whole `headgate run` {_seconds(found[what + '_process'])}"


def _publish(found: dict[str, Any]) -> Iterable[Row]:
    rows: list[Row] = []
    for what in ("publish", "rollback"):
        each = {name: lake["milliseconds"][what]["median"] for name, lake in found["lakes"].items()}
        large = found["lakes"]["large"]
        text = (
            f"{each['small']:.1f} ms; {large['tables']:,} tables and {large['files']:,} files: {each['large']:.1f} ms"
        )
        rows.append((what, f"≤ {found['limit_ms']:.0f} ms", text, max(each.values()) <= found["limit_ms"]))
    return rows


def _start(found: dict[str, Any]) -> Iterable[Row]:
    limits = {"--help": 0.3, "releases": 0.5}
    return [
        (f"`headgate {verb}`", f"≤ {limit} s", _seconds(found[verb], 2), found[verb]["median"] <= limit)
        for verb, limit in limits.items()
    ]


def _memory(found: dict[str, Any]) -> Iterable[Row]:
    text = f"{found['status']} after {found['seconds']:.0f} s, {_gib(found['peak'])}"
    return [("ten times as many rows", f"runs with {found['limit']}", text, found["status"] == "published")]


def _totesys(found: dict[str, Any]) -> Iterable[Row]:
    rows = f"{found['changed_rows']['median']:.0f} rows"
    return [
        (
            "totesys: a cycle with 100 changed rows, process start to warehouse committed",
            f"≤ {found['limit']:.0f} s",
            f"{_seconds(found['cycle'])}, {rows}",
            found["cycle"]["median"] <= found["limit"],
        )
    ]


def _latency(found: dict[str, Any]) -> Iterable[Row]:
    latency = found["latency"]
    text = ", ".join(f"{name} {latency[share]:.1f} s" for share, name in _SHARES.items())
    lost = {name: found[name] for name in ("missing", "twice", "surplus")}
    traffic = f"{found['seconds'] / 60:.0f} minutes of {found['changes'] / found['seconds']:.0f} changes/s"
    return [
        (
            f"source commit → visible in the warehouse, a run every {found['every']}, {traffic}",
            f"99 % ≤ {found['limit']:.0f} s",
            text,
            latency["0.99"] <= found["limit"],
        ),
        (
            "every version arrives, once",
            "all",
            f"{found['versions']:,} versions: " + ", ".join(f"{count} {name}" for name, count in lost.items()),
            not any(lost.values()),
        ),
    ]


_SHARES = {"0.5": "half of them within", "0.99": "99 %", "1": "all"}


def _month(found: dict[str, Any]) -> Iterable[Row]:
    names = {"cpu": "processor time", "seconds": "time", "catalog": "catalog"}
    return [
        (
            f"{found['runs']:,} runs: {name} of a run, last {found['compared']} against first",
            f"≤ {found['limit']:.0f} ×",
            f"{found['growth'][key]:.2f} ×",
            found["growth"][key] <= found["limit"],
        )
        for key, name in names.items()
    ]


_TARGETS: dict[str, Callable[[dict[str, Any]], Iterable[Row]]] = {
    "pipelines": _pipelines,
    "gate": _gate,
    "gates": _gates,
    "publish": _publish,
    "memory": _memory,
    "start": _start,
    "databases": _databases,
    "totesys": _totesys,
    "latency": _latency,
    "month": _month,
}


def _sight(seen: dict[str, Any] | None) -> str:
    if seen is None:
        return "–"
    text = f"yes, in {', '.join(t.split('.')[0] for t in seen['seen_in'])}" if seen["seen_in"] else "no"
    return text if seen["refused"] else f"{text}; not refused"


def _seconds(spread: dict[str, Any] | None, digits: int = 1) -> str:
    if spread is None:
        return "–"
    digits = max(digits, 2) if spread["median"] < 2 else digits
    return f"{spread['median']:.{digits}f} s ({spread['low']:.{digits}f}–{spread['high']:.{digits}f})"


def _ms(spread: dict[str, Any]) -> str:
    return f"{spread['median'] * 1e3:.1f} ms"


def _ratio(spread: dict[str, Any]) -> str:
    return f"{spread['median']:.2f} × ({spread['low']:.2f}–{spread['high']:.2f})"


def _gib(size: float) -> str:
    return f"{size / 2**30:.2f} GiB"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
