"""Reading one table of a database into its change log, inside the one transaction of the whole database."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import duckdb

from headgate.errors import CouldNotRunError, SourceDataError
from headgate.lake.engine import Connection, beside, ident, in_any_order, literal, on_one_thread
from headgate.project.yaml_file import written
from headgate.sources.change_log import ChangeLog, Incoming
from headgate.sources.counts import Counts
from headgate.sources.databases.blocks import (
    FEWEST_ROWS,
    TOO_MANY,
    Division,
    differing,
    digests,
    divide,
    one_of,
    remembered,
)
from headgate.sources.databases.choosing import Chosen, column_setting
from headgate.sources.databases.dialect import Part, SourceColumn, Value
from headgate.sources.databases.session import Session
from headgate.sources.first_load import FirstLoad
from headgate.sources.memory import Memory
from headgate.sources.row_hash import hash_of
from headgate.sources.schema_lock import LockedTable
from headgate.sources.shape import BAD
from headgate.sources.source import Extracted, State
from headgate.sources.staging import Findings, Stage, in_sample
from headgate.words import counted

if TYPE_CHECKING:
    from headgate.project.config import Sample

#: How DuckDB names, in the error of a cast, the column that was cast: by what `_select` calls it.
_CONVERTED = re.compile(r"source column c(\d+)")
#: The rows of all parts of a table.
GATHERED = "headgate_gathered"
#: Stands for the digest of rows that moved while they were read: no digest equals it.
MOVED = "moved"
#: A cursor that lies further ahead is a mistake in the data: it must not hide what comes before it.
AHEAD = "INTERVAL 1 DAY"


@dataclass(frozen=True, slots=True)
class Window:
    """Which rows of a table are looked at: all, or those for which ``condition``, SQL of the source, holds.

    ``in_lake`` is true for the keys of raw that must be among them, or are deleted.
    """

    condition: str | None = None
    in_lake: str = "TRUE"

    @property
    def whole(self) -> bool:
        return self.condition is None


class TableLoading:
    """One extraction of one table."""

    def __init__(self, con: Connection, session: Session, chosen: Chosen, sample: Sample | None) -> None:
        self.con = con
        self.session = session
        self.dialect = session.dialect
        self.chosen = chosen
        self.sample = sample
        self.name = f"{session.name}.{chosen.name}"
        self.log = ChangeLog(con, chosen.name, chosen.primary_key)
        self.memory = Memory(con)
        self.stage: Stage | FirstLoad = Stage(con, chosen.name, chosen.primary_key)

    def load(self, run: str, known: State | None, *, stamp: str | None, compare: bool = False) -> Extracted:
        """Read what may have changed, check it, and append it; ``compare`` finds what the cursor does not show.

        ``stamp`` is the database's own from before anything was read.
        """
        before = self._known(known)
        if self.sample is None and self.log.state().rows == 0:
            self.stage = FirstLoad(self.log, self.chosen.types, run)
        window = self.window(before)
        comparison = Comparison(self, before) if compare and not window.whole else None
        if comparison is not None:
            window = comparison.window()
        earlier = None if self.dialect.one_snapshot else digest(self.con, self.session, self.chosen, window)
        read, sampled_out = self._read(window)
        if comparison is not None:
            comparison.check(window)
        mark, cursor = self._mark(before)
        state: dict[str, Any] = {
            "settings": settings_of(self.chosen, self.sample),
            "primary_key": list(self.chosen.primary_key),
            "mark": mark,
            "cursor": cursor,
            "reconciled_at": before.get("reconciled_at"),
            "stamp": stamp,
        }
        if before.get("blocks") and before.get("settings") == state["settings"]:
            state["blocks"] = before["blocks"]
        state["digest"] = self._digest_after(state, window, read, earlier)
        whole = window.whole or comparison is not None
        if isinstance(self.stage, FirstLoad):
            counts = self.stage.counts(read)
        else:
            incoming = Incoming(self.stage.relation, self.chosen.types, read=read, sampled_out=sampled_out)
            counts = self.log.append(incoming, run, snapshot=whole, within=window.in_lake)
        notes: tuple[str, ...] = ()
        if comparison is not None:
            notes = comparison.conclude(state, counts, run)
        if whole:
            state["reconciled_at"] = datetime.now(UTC).isoformat(timespec="seconds")
        self.memory.record(self.session.name, self.chosen.name, run, counts, state, ())
        self.stage.drop()
        return self._extracted(counts, state, cursor, notes)

    def window(self, before: Mapping[str, Any]) -> Window:
        """The rows that may differ from what is known."""
        return window_of(self.session, self.chosen, before, self.sample)

    def _known(self, known: State | None) -> State:
        if not self.log.columns():
            return {}
        before = known if known is not None else self.memory.recall(self.chosen.name)
        key = before.get("primary_key") or self.memory.recall(self.chosen.name).get("primary_key")
        if key and [*map(str.lower, key)] != [*map(str.lower, self.chosen.primary_key)]:
            raise self.session.config.error(
                f"the primary key of {self.chosen.name} was {', '.join(key)} and is now "
                f"{', '.join(self.chosen.primary_key)}, which cannot be changed for a table that is loaded",
                "tables",
                self.chosen.name,
                hint=f"keep it, tables: {{{written(self.chosen.name)}: {{primary_key: {written(list(key))}}}}}, "
                "or load the table into a new lake",
            )
        return before

    def _read(self, window: Window) -> tuple[int, int]:
        """Fill the stage; returns how many rows were read, and how many of them the sample leaves out."""
        types = self.chosen.types
        typed = {column.name: value.landed(f"c{n}") for n, (column, value) in enumerate(self.chosen.pairs)}
        named = ", ".join(f"{value} AS {ident(name)}" for name, value in typed.items())
        bad = " OR ".join([*self._lost().values(), "CAST(bad AS BOOLEAN)" if self._refused() else "FALSE"])
        rows, before = self._rows(window)
        try:
            with in_any_order(self.con):
                self.stage.fill(f"{before}SELECT {named}, {hash_of(types, typed)} AS _hash, {bad} AS {BAD} FROM {rows}")
        except duckdb.ConversionException as error:
            raise self._unconvertible(error, window) or error from error
        findings = self.stage.look(doubt=self._doubt(), unique=self.chosen.unique)
        self._check(findings, window)
        return findings.rows, self._leave_out()

    def _rows(self, window: Window) -> tuple[str, str]:
        """The SQL of a table of the rows, and what stands before the query that reads it.

        DuckDB reads the parts of a UNION ALL at the same time only where their order cannot matter, which in what
        is inserted it always may; so they are gathered first. Then all threads hash and write.
        """
        parts = self.session.parts(self.con, self.chosen.name) if window.whole else [Part(self.session.alias)]
        relations = [self.dialect.relation(part.alias, self._select(window, part)) for part in parts]
        if len(relations) == 1:
            return relations[0], ""
        together = " UNION ALL ".join(f"SELECT * FROM {each}" for each in relations)
        return GATHERED, f"WITH {GATHERED} AS MATERIALIZED ({together}) "

    def _select(self, window: Window, part: Part) -> str:
        """The rows in the source's own SQL: each value without loss, and whether one of them has no place."""
        named = self._read_as()
        refused = self._refused()
        bad = f", coalesce({' OR '.join(refused)}, 1 = 0) AS bad" if refused else ""
        return f"SELECT {named}{bad} FROM {self._table()}{_where(window, part)}"

    def _read_as(self) -> str:
        """The values of all columns in the source's SQL, called c0, c1 and so on."""
        read = [v.or_null if self._lenient and v.or_null else v.sql for v in self.chosen.values]
        return ", ".join(f"{sql} AS c{n}" for n, sql in enumerate(read))

    def _lost(self) -> dict[SourceColumn, str]:
        """What must not hold for a row, in DuckDB's SQL, by the column that keeps a narrower type; often nothing."""
        return {c: v.lost.format(f"c{n}") for n, (c, v) in enumerate(self.chosen.pairs) if v.lost}

    def _refused(self) -> list[str]:
        """What must not hold for a row, in the source's SQL, as far as only the source can see it; often nothing."""
        return [v.refused for v in self.chosen.values if self._may_refuse(v) and v.refused and not v.doubt]

    def _doubt(self) -> str:
        """SQL of the lake that is true for rows in which the source may find a value that has no place."""
        doubts = [v.doubted(ident(column.name)) for column, v in self.chosen.pairs if self._may_refuse(v)]
        return " OR ".join(filter(None, doubts)) or "FALSE"

    def _may_refuse(self, value: Value) -> bool:
        return value.refused is not None and not (self._lenient and value.or_null)

    @property
    def _lenient(self) -> bool:
        return self.session.config.non_finite == "null"

    def _table(self) -> str:
        return self.dialect.table(self.session.alias, self.chosen.name)

    def _check(self, findings: Findings, window: Window) -> None:
        """Raises SourceDataError for the first thing that is wrong with the rows."""
        counts = self._refused_counts(self.con, window) if findings.bad or findings.doubtful else {}
        if any(counts.values()):
            raise self._bad_value(counts)
        if findings.bad:
            raise self._lost_value(window)
        if findings.null_keys:
            more = f" ({findings.null_keys:,} rows)" if findings.null_keys > 1 else ""
            raise self._wrong(
                f"a part of the primary key is null{more}",
                "null_key",
                column=", ".join(self.chosen.primary_key),
                hint="correct the rows in the source, or name columns that are never null: "
                f"tables: {{{written(self.chosen.name)}: {{primary_key: […]}}}}",
            )
        if twins := findings.rows - findings.distinct_keys:
            raise self._wrong(
                f"{counted(twins, 'row has', 'rows have')} a key that another row has too",
                "duplicate_key",
                column=", ".join(self.chosen.primary_key),
                hint="name all columns that make a row unique in primary_key",
            )

    def _refused_counts(self, con: Connection, window: Window) -> dict[SourceColumn, int]:
        """How many values of each column have no place, as the source says; with our ``con`` in the snapshot read."""
        suspects = {column: value.refused for column, value in self.chosen.pairs if self._may_refuse(value)}
        if not suspects:
            return {}
        counts = ", ".join(f"sum(CASE WHEN {sql} THEN 1 ELSE 0 END) AS n{n}" for n, sql in enumerate(suspects.values()))
        asked = f"SELECT {counts} FROM {self._table()}{_where(window)}"
        found = con.execute(f"SELECT * FROM {self.dialect.relation(self.session.alias, asked)}").fetchall()[0]
        return {column: int(count or 0) for column, count in zip(suspects, found, strict=True)}

    def _bad_value(self, counts: Mapping[SourceColumn, int]) -> SourceDataError:
        """What is said of the first column of which the source found values that have no place."""
        column, count = next((column, count) for column, count in counts.items() if count)
        value = dict(self.chosen.pairs)[column]
        many = "a row has a value" if count == 1 else f"{count:,} rows have values"
        as_text = column_setting(self.chosen.name, "as_text", column.name)
        if value.type.endswith("[]"):
            return self._wrong(
                f"{many} of more than one dimension, not finite, or beyond the year 294246",
                "array",
                column=column.name,
                hint=f"read the column as text: {as_text}",
            )
        if value.or_null:
            return self._wrong(
                f"{many} that {'is' if count == 1 else 'are'} no finite number",
                "non_finite",
                column=column.name,
                hint=f'load such values as null, non_finite: "null", or the column as text: {as_text}',
            )
        if value.doubt:  # what landed looked so, and has no null in its place: a moment
            return self._wrong(
                f"{many} beyond the year 294246, where {value.type} ends",
                "range",
                column=column.name,
                hint=f"correct the source, or read the column as text: {as_text}",
            )
        return self._wrong(
            f"{many} that {'is' if count == 1 else 'are'} no {value.type}, although its type is {column.type}",
            "type",
            column=column.name,
            hint=f"correct the source, or read the column as text: {as_text}",
        )

    def _lost_value(self, window: Window) -> SourceDataError:
        """What is said of the first column that keeps its type of before, and of which a value has no place in that."""
        lost = self._lost()
        counts = ", ".join(f"count(*) FILTER ({condition})" for condition in lost.values())
        asked = f"SELECT {self._read_as()} FROM {self._table()}{_where(window)}"
        found = self.con.execute(f"SELECT {counts} FROM {self.dialect.relation(self.session.alias, asked)}").fetchall()
        column, count = next((column, count) for column, count in zip(lost, found[0], strict=True) if count)
        many = "a row has a value" if count == 1 else f"{count:,} rows have values"
        return self._wrong(
            f"{many} that {self.chosen.types[column.name]} does not hold, the type that on_widened_type: ignore keeps",
            "widened_type",
            column=column.name,
            hint="take the wider type, on_widened_type: evolve or headgate drift accept; or correct the source",
        )

    def _unconvertible(self, error: duckdb.ConversionException, window: Window) -> SourceDataError | None:
        """A value that the source takes and its type here does not; None if nobody can say in which column."""
        found = _CONVERTED.search(str(error))
        if found is None:
            with contextlib.closing(beside(self.con)) as aside:  # our own transaction has failed
                counts = self._refused_counts(aside, window)
            return self._bad_value(counts) if any(counts.values()) else None
        column, value = self.chosen.pairs[int(found[1])]
        return self._wrong(
            f"a row has a value that cannot be taken as {value.type}",
            "type",
            column=column.name,
            hint="correct the source, or read the column as text: "
            + column_setting(self.chosen.name, "as_text", column.name),
        )

    def _leave_out(self) -> int:
        """Take the rows that are not in the sample out of the stage."""
        if self.sample is None:
            return 0
        by = self.sample.by.lower()
        column = next((name for name in self.chosen.types if name.lower() == by), None)
        if column is None:
            return 0
        kept = in_sample(ident(column), self.chosen.types[column], self.sample.fraction)
        gone = self.con.execute(f"DELETE FROM {self.stage.relation} WHERE NOT {kept}").fetchall()
        return int(gone[0][0])

    def _mark(self, before: State) -> tuple[str | None, dict[str, Any] | None]:
        """The largest cursor seen so far, and the range of it in what was read."""
        cursor = self.chosen.cursor
        if cursor is None:
            return None, None
        kind = self.chosen.types[cursor.name]
        value = ident(cursor.name)
        sane = "TRUE"
        if self.dialect.moment(cursor):
            sane = f"isfinite({value}) AND {value} <= CAST(now() + {AHEAD} AS {kind})"
        old = before.get("mark") if before.get("settings") == settings_of(self.chosen, self.sample) else None
        known = f"CAST({literal(old)} AS {kind})"
        low, high, mark = self.con.execute(
            f"SELECT CAST(min({value}) AS VARCHAR), CAST(max({value}) AS VARCHAR), "
            f"CAST(greatest(max({value}) FILTER ({sane}), {known}) AS VARCHAR) FROM {self.stage.relation}"
        ).fetchall()[0]
        return mark, {"column": cursor.name, "low": low, "high": high}

    def _digest_after(self, state: Mapping[str, Any], window: Window, read: int, earlier: str | None) -> str:
        """The digest of what the next run will look at first, in the snapshot that was read.

        Where there is no snapshot, ``earlier`` is the digest of ``window`` from before it was read: what was committed
        since then may not have been read, and must look new to the next run.
        """
        following = self.window(state)
        if earlier is not None and following == window:
            return earlier
        found = digest(self.con, self.session, self.chosen, following)
        if earlier is not None:
            return found if digest(self.con, self.session, self.chosen, window) == earlier else MOVED
        count = int(found.partition(":")[0])
        if window.whole and following.whole and count != read:
            raise CouldNotRunError(
                f"{counted(read, 'row was', 'rows were')} read, and the database counts {count:,} in the same snapshot",
                where=f"source {self.name}",
                hint="this is a defect of Headgate or of the database's driver: please report it",
            )
        return found

    def _extracted(
        self, counts: Counts, state: dict[str, Any], cursor: dict[str, Any] | None, notes: tuple[str, ...]
    ) -> Extracted:
        return Extracted(
            self.chosen.name,
            counts,
            state,
            LockedTable(self.chosen.types),
            self.chosen.primary_key,
            notes,
            cursor,
        )

    def _wrong(self, what: str, rule: str, *, column: str | None = None, hint: str | None = None) -> SourceDataError:
        return SourceDataError(what, table=self.name, rule=rule, column=column, hint=hint)


class Comparison:
    """One comparison of a table that has a cursor with the whole of raw, by blocks where the last one is remembered."""

    def __init__(self, loading: TableLoading, before: State) -> None:
        self.loading = loading
        self.before = before
        self._now: dict[str, str] | None = None
        self._division: Division | None = None

    def window(self) -> Window:
        """The rows of the blocks that differ, or all."""
        it = self.loading
        known = self.before.get("blocks")
        if not known or it.sample is not None:
            return Window()
        division = Division(known["size"])
        self._division = division
        self._now = digests(it.con, it.session, it.chosen, division)
        blocks = differing(it.con, it.log, it.chosen, division, known, self._now)
        if len(blocks) > TOO_MANY * max(len(self._now), 1):
            return Window()
        block = str(it.dialect.block(it.chosen.key_columns, division.size))
        return Window(one_of(block, blocks), one_of(division.in_lake(it.chosen), blocks))

    def check(self, window: Window) -> None:
        """Every row that was read must be of those blocks by the lake's reckoning too, or others would look deleted."""
        it = self.loading
        strays = it.con.execute(f"SELECT count(*) FROM {it.stage.relation} WHERE NOT ({window.in_lake})").fetchall()
        if strays[0][0]:
            raise CouldNotRunError(
                f"{counted(strays[0][0], 'row is', 'rows are')} not of the blocks that they were asked for by",
                where=f"source {it.name}",
                hint="this is a defect of Headgate, please report it; nothing was published",
            )

    def conclude(self, state: dict[str, Any], counts: Counts, run: str) -> tuple[str, ...]:
        """Remember the blocks, and say what was found that the cursor had not shown."""
        it = self.loading
        if self._now is None and it.sample is None and counts.read >= FEWEST_ROWS:
            self._division = divide(it.con, it.session, it.chosen, it.stage.relation)
            if self._division is not None:
                self._now = digests(it.con, it.session, it.chosen, self._division)
        if self._now is not None and self._division is not None:
            state["blocks"] = remembered(self._division, self._now, it.log)
        edited, missed = it.con.execute(self._found(run)).fetchall()[0]
        found = [
            text
            for count, text in (
                (edited, f"{edited:,} changed without moving {state['cursor']['column']}"),
                (missed, f"{missed:,} came too late for the overlap"),
                (counts.deleted, f"{counts.deleted:,} deleted"),
            )
            if count
        ]
        what = ", ".join(found) or "nothing was missed"
        return (f"compared with the source, {counted(counts.read, 'row')} read: {what}",)

    def _found(self, run: str) -> str:
        """The SQL that counts the rows appended in this run that lie behind the window: known keys, and new ones."""
        it = self.loading
        keys = ", ".join(map(ident, it.chosen.primary_key))
        return (
            f"SELECT count(*) FILTER (earlier), count(*) FILTER (NOT earlier) FROM ("
            f"SELECT bool_or(_run <> {literal(run)}) AS earlier FROM {it.log.log} SEMI JOIN ("
            f"SELECT {keys} FROM {it.log.log} WHERE _run = {literal(run)} AND _op = 'upsert' "
            f"AND {self._outside()}) AS appended USING ({keys}) GROUP BY {keys})"
        )

    def _outside(self) -> str:
        """SQL of the lake that is true for rows that a look by the cursor would not have read."""
        it = self.loading
        cursor = it.chosen.cursor
        assert cursor is not None  # noqa: S101  # without one, the whole table is the window
        kind = it.chosen.types[cursor.name]
        overlap = it.chosen.overlap
        less = f"INTERVAL {overlap.total_seconds():.0f} SECONDS" if isinstance(overlap, timedelta) else str(overlap)
        return f"{ident(cursor.name)} < CAST({literal(str(self.before['mark']))} AS {kind}) - {less}"


def window_of(session: Session, chosen: Chosen, before: Mapping[str, Any], sample: Sample | None) -> Window:
    """The rows that may differ from what ``before`` was made from, as far as the cursor can tell."""
    if chosen.cursor is None or before.get("mark") is None or before.get("settings") != settings_of(chosen, sample):
        return Window()
    return Window(session.dialect.since(chosen.cursor, str(before["mark"]), chosen.overlap))


def digest(con: Connection, session: Session, chosen: Chosen, window: Window) -> str:
    """The digest of the rows in a window, computed in the source if it can."""
    dialect = session.dialect
    table = dialect.table(session.alias, chosen.name)
    aggregate = dialect.digest(chosen.present)
    if aggregate is not None:
        answer = dialect.relation(session.alias, f"SELECT {aggregate} AS digest FROM {table}{_where(window)}")
        # a window is few rows as a rule, and after a load ending threads, which gives memory back, takes longer
        with on_one_thread(con) if window.whole else contextlib.nullcontext():
            return str(con.execute(f"SELECT digest FROM {answer}").fetchall()[0][0])
    named = ", ".join(f"{value.sql} AS c{n}" for n, value in enumerate(chosen.values))
    values = {column.name: f"CAST(c{n} AS VARCHAR)" for n, (column, _) in enumerate(chosen.pairs)}
    total = f"sum(CAST({hash_of(dict.fromkeys(values, 'VARCHAR'), values)} AS HUGEINT))"
    rows = dialect.relation(session.alias, f"SELECT {named} FROM {table}{_where(window)}")
    return str(con.execute(f"SELECT concat(count(*), ':', {total}) FROM {rows}").fetchall()[0][0])


def settings_of(chosen: Chosen, sample: Sample | None) -> str:
    """A short hash of what decides which values land in raw."""
    return chosen.settings() + (f"/{sample.fraction}/{sample.by}" if sample else "")


def _where(window: Window, part: Part | None = None) -> str:
    conditions = [each for each in (window.condition, part and part.condition) if each]
    return f" WHERE {' AND '.join(conditions)}" if conditions else ""
