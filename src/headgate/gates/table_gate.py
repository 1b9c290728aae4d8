"""All expectations of one table: which are proven, which are remembered, and what must be scanned for the rest."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from time import perf_counter

import duckdb

from headgate.gates import measuring
from headgate.gates.columns import ColumnExpectation, NullExpectation
from headgate.gates.comparing import refuse_guessing
from headgate.gates.compilation import Check
from headgate.gates.dense import Range, ranges_of
from headgate.gates.each_value import EachValueExpectation
from headgate.gates.expectation import (
    NOTHING,
    AggregateExpectation,
    CountedExpectation,
    Counts,
    QueryExpectation,
    ReportExpectation,
    RowExpectation,
    TableExpectation,
)
from headgate.gates.memory import subject_of
from headgate.gates.nans import NanCounts, counter_for
from headgate.gates.outcome import Outcome
from headgate.gates.relation import Checked, told_apart
from headgate.gates.sight import Sight, split
from headgate.gates.statistics import Nans, known_of_file, not_counted
from headgate.gates.time_limit import limited
from headgate.gates.values import UnusableError
from headgate.lake.catalog import DataFile

#: By the names of the files into which somebody must still look, who that is.
Lacking = dict[tuple[str, ...], list[Outcome]]


class TableGate:
    """Judges the expectations of one table."""

    def __init__(self, sight: Sight, layer: str, table: str, scale: float | None) -> None:
        self.sight = sight
        self.layer = layer
        self.table = table
        self.scale = scale
        self.nans = NanCounts(sight)

    def judge(self, checks: Sequence[Check]) -> list[Outcome]:
        """One outcome per check, in the same order."""
        outcomes = [self._timed(Outcome(check), self._prepare) for check in checks]
        for outcome in outcomes:
            if outcome.open and isinstance(outcome.check.expectation, TableExpectation):
                self._timed(outcome, self._judge_table)
        rows = [each for each in outcomes if each.open and isinstance(each.check.expectation, RowExpectation)]
        self._count_by_file(rows)
        queries = [each for each in outcomes if each.open and isinstance(each.check.expectation, QueryExpectation)]
        told = _told([each for each in rows if each.open], queries)
        waiting = [id(outcome) for outcome, _ in told if not self._remembered(outcome)]
        self._count_whole([each for each in rows if each.open and id(each) not in waiting])
        self._measure([each for each in outcomes if each.open])
        for outcome in queries:
            self._timed(outcome, self._count_by_query)
        for outcome, query in told:
            if outcome.open:
                self._be_told(outcome, query)
        self._count_whole([each for each in rows if each.open])
        for outcome in outcomes:
            if outcome.counts is not None:
                self._timed(outcome, self._judge_counts)
        return outcomes

    def _timed(self, outcome: Outcome, step: Callable[[Outcome], None]) -> Outcome:
        """Take a step; what goes wrong there is why the expectation could not be checked."""
        start = perf_counter()
        limit = outcome.check.expectation.time_limit()
        try:
            if limit is None:
                step(outcome)
            else:
                with limited(self.sight.con, limit):
                    step(outcome)
        except (UnusableError, duckdb.Error, RecursionError) as error:
            self._fail(outcome, error)
        outcome.seconds += perf_counter() - start
        return outcome

    def _fail(self, outcome: Outcome, error: UnusableError | duckdb.Error | RecursionError) -> None:
        text = self.sight.masking.error(error, outcome.on) if isinstance(error, duckdb.Error) else str(error)
        if isinstance(error, RecursionError):
            text = "a condition, a query or a schema of it is nested too deeply"
        outcome.error, outcome.verdict, outcome.counts = f"could not be checked: {text}", None, None

    def _prepare(self, outcome: Outcome) -> None:
        expectation = outcome.check.expectation
        on = self.sight.relation(self.layer, self.table)
        names = expectation.others()
        others = {".".join(name): self.sight.relation(*split(name, self.layer)) for name in names}
        outcome.on = replace(on, others=others) if others else on
        if expectation.looks_back:
            before = self.sight.before(self.layer, self.table, expectation.compared_release())
            outcome.on = replace(outcome.on, before=before)
        if expectation.asks_age:
            outcome.on = replace(outcome.on, changed=self.sight.changed(on))
        refuse_guessing(outcome.check.declared.kwargs, expectation.columns(), outcome.on)
        expectation.require(outcome.on)
        if expectation.asks_source:
            outcome.on = replace(outcome.on, at_source=self.sight.at_source(on, expectation.columns()))
        outcome.on = expectation.narrowed(outcome.on)

    def _judge_table(self, outcome: Outcome) -> None:
        expectation = outcome.check.expectation
        assert isinstance(expectation, TableExpectation)  # noqa: S101 - the caller chose it

        outcome.verdict = expectation.judge(outcome.relation, lambda on: self._rows(outcome, on), self.scale)

    def _rows(self, outcome: Outcome, on: Checked) -> int:
        counted = self.sight.counted
        rows = self.sight.rows(on)
        if not on.is_whole_table:
            outcome.came("scanned" if self.sight.counted > counted else "remembered")
        return rows

    def _judge_counts(self, outcome: Outcome) -> None:
        expectation, counts = outcome.check.expectation, outcome.counts
        assert isinstance(expectation, CountedExpectation)  # noqa: S101 - only these have counts
        assert counts is not None  # noqa: S101 - the caller chose it
        if counts.unexpected:
            from headgate.gates.scan import examples

            outcome.on = self._looked_up(outcome, expectation)
            outcome.examples = examples(self.sight.con, outcome.relation, expectation, counts, self._ranges(outcome))
        outcome.verdict = expectation.judge(counts)

    def _looked_up(self, outcome: Outcome, expectation: CountedExpectation) -> Checked:
        """The relation with what queries for examples depend on; texts are judged again in files with refused ones."""
        from headgate.gates.scan import ask_files, looked_up

        on = outcome.relation
        files = told_apart(on.base) if on.base is not None and on.exact else None
        if on.found is not None or files is None or not isinstance(expectation, EachValueExpectation):
            return looked_up(self.sight.con, on, expectation)
        names = [name for name, file in files.items() if outcome.by_file[file.path].unexpected]
        return replace(on, found=ask_files(self.sight.con, on, expectation, names, all_files=False)[1])

    # Whole columns

    def _measure(self, outcomes: Sequence[Outcome]) -> None:
        reports = [each for each in outcomes if isinstance(each.check.expectation, ReportExpectation)]
        aggregates = [each for each in outcomes if isinstance(each.check.expectation, AggregateExpectation)]
        for outcome in [*reports, *aggregates]:
            self._timed(outcome, lambda each: measuring.prove(self.sight, each))
        if adding := [each for each in aggregates if each.open and measuring.adds_up(each)]:
            self._together(adding, lambda part: measuring.measure_by_file(self.sight, part))
        left = [each for each in aggregates if each.open]
        fused: dict[str | None, list[Outcome]] = defaultdict(list)
        for outcome in left:
            if not measuring.runs_alone(outcome):
                fused[outcome.relation.where].append(outcome)
        for group in [*fused.values(), *([each] for each in left if measuring.runs_alone(each))]:
            self._together(group, lambda part: measuring.measure(self.sight, part))
        for outcome in reports:
            if outcome.open:
                self._timed(outcome, lambda each: measuring.report(self.sight, each))

    # Row by row: files first, since they never change

    def _count_by_file(self, outcomes: Sequence[Outcome]) -> None:
        on = next((each.on for each in outcomes), None)
        if on is None or on.base is None:
            return
        separable = told_apart(on.base)
        files = {file.path: file for file in on.base.files} if separable is None else separable
        lacking = self._lacking(outcomes, files)
        if separable is not None:
            self._scan_lacking(lacking, files)
        for outcome in outcomes if separable is not None else lacking.get((), ()):
            if outcome.open:
                self._timed(outcome, self._sum_up)

    def _lacking(self, outcomes: Sequence[Outcome], files: Mapping[str, DataFile]) -> Lacking:
        """Who must still look into which files."""
        lacking: Lacking = defaultdict(list)
        for outcome in outcomes:
            start = perf_counter()
            without = tuple(name for name, file in files.items() if not self._known_of(outcome, file))
            lacking[without].append(outcome)
            outcome.seconds += perf_counter() - start
        return lacking

    def _scan_lacking(self, lacking: Lacking, files: Mapping[str, DataFile]) -> None:
        """Look into files; who can be proven if there is no NaN waits until these are counted."""
        waiting: dict[str, list[Outcome]] = defaultdict(list)
        uncounted: dict[str, set[DataFile]] = defaultdict(set)
        now: Lacking = defaultdict(list)
        for names, group in lacking.items():
            for outcome in group:
                column, where = self._uncounted(outcome, [files[name] for name in names])
                uncounted[column].update(where)
                (waiting[column] if where else now[names]).append(outcome)
        counters = {column: counter_for(column, group[0]) for column, group in waiting.items()}
        for column, counter in counters.items():
            now[tuple(name for name, file in files.items() if file in uncounted[column])].append(counter)
        self._scan_all(now, files)
        for column, counter in counters.items():
            self.nans.learn(counter)
            for outcome in waiting[column]:
                outcome.seconds += counter.seconds / len(waiting[column])
        left = [outcome for group in waiting.values() for outcome in group]
        self._scan_all(self._lacking(left, files), files)

    def _scan_all(self, lacking: Lacking, files: Mapping[str, DataFile]) -> None:
        for names, group in lacking.items():
            if names:
                self._scan_files(group, files, names)

    def _known_of(self, outcome: Outcome, file: DataFile) -> bool:
        """Whether statistics prove, or memory holds, what the expectation counts in this file."""
        on, expectation = outcome.relation, outcome.check.expectation
        if file.path in outcome.by_file:
            return True
        if isinstance(expectation, ColumnExpectation) and self._has_floats(outcome):
            counts = self._proven(outcome, file, self.nans.of(on, file))
            if counts is not None:
                outcome.came(self.nans.how(on, file, expectation))
        else:
            counts = self._proven(outcome, file)
        if counts is None and self.sight.knows_of(subject_of(file)):
            counts = self.sight.fact(subject_of(file), outcome.key)
            if counts is not None:
                outcome.came("remembered")
        if counts is None:
            return False
        outcome.by_file[file.path] = counts
        return True

    def _uncounted(self, outcome: Outcome, files: Sequence[DataFile]) -> tuple[str, list[DataFile]]:
        """The column and the files of which NaNs are to be counted: without any, statistics would prove everything."""
        on, expectation = outcome.relation, outcome.check.expectation
        if not isinstance(expectation, ColumnExpectation) or not self._has_floats(outcome):
            return "", []
        if any(self._proven(outcome, file, self.nans.none_but_known(on, file)) is None for file in files):
            return "", []
        return expectation.column, self.nans.uncounted(on, expectation, files)

    def _has_floats(self, outcome: Outcome) -> bool:
        """Whether it looks at a column of floats in which every row of the files counts."""
        on, expectation = outcome.relation, outcome.check.expectation
        return on.exact and isinstance(expectation, ColumnExpectation) and on.kind(expectation.column) == "float"

    def _proven(self, outcome: Outcome, file: DataFile, nans: Nans = not_counted) -> Counts | None:
        on, expectation = outcome.relation, outcome.check.expectation
        assert on.base is not None  # noqa: S101 - the caller made sure
        assert isinstance(expectation, RowExpectation)  # noqa: S101 - the caller chose it
        if expectation.row_condition is not None:  # how many rows it chooses is nowhere recorded
            return NOTHING if file.rows == file.deleted else None
        known = known_of_file(on, expectation.columns(), file, self.sight.statistics(on.base), nans)
        counts = None if known is None else expectation.proves(on, file.rows - file.deleted, known)
        if counts is None or on.exact:
            return counts
        return counts if counts.missing == counts.unexpected == 0 else None  # the log's deletes may be to blame

    def _scan_files(self, outcomes: Sequence[Outcome], files: Mapping[str, DataFile], names: tuple[str, ...]) -> None:
        from headgate.gates.scan import scan_files

        asked, group = _by_judge(outcomes)
        for outcome in asked:
            self._timed(outcome, lambda each: self._ask_files(each, files, names))

        def scan(part: Sequence[Outcome]) -> None:
            told = [self._missing(outcome, files, names) for outcome in part]
            expectations = list(zip(_expectations(part), told, strict=True))
            found = scan_files(self.sight.con, _shared(part), expectations, names, all_files=len(names) == len(files))
            for i, outcome in enumerate(part):
                for name in names:
                    self._counted(outcome, files[name], found[name][i])

        if group and not (len(group) == 1 and self._filter_files(group[0], files, names)):
            self._together(group, scan)

    def _ask_files(self, outcome: Outcome, files: Mapping[str, DataFile], names: tuple[str, ...]) -> None:
        from headgate.gates.scan import ask_files

        on, expectation, all_files = outcome.relation, outcome.check.expectation, len(names) == len(files)
        assert isinstance(expectation, EachValueExpectation)  # noqa: S101 - the caller chose it
        found, refused = ask_files(self.sight.con, on, expectation, names, all_files=all_files)
        for name in names:
            self._counted(outcome, files[name], found[name])
        if all_files and on.exact:
            outcome.on = replace(on, found=refused)

    def _filter_files(self, outcome: Outcome, files: Mapping[str, DataFile], names: tuple[str, ...]) -> bool:
        """Count what is unexpected and nothing else, where statistics know the rest; whether they do."""
        on, expectation, missing = outcome.relation, outcome.check.expectation, self._missing(outcome, files, names)
        if missing is None:
            return False
        assert isinstance(expectation, RowExpectation)  # noqa: S101 - the caller chose it

        def scan(_: Outcome) -> None:
            from headgate.gates.scan import filter_files

            found = filter_files(self.sight.con, on, expectation, names, all_files=len(names) == len(files))
            for name in names:
                file = files[name]
                self._counted(outcome, file, Counts(file.rows - file.deleted, missing[name], found[name]))

        self._timed(outcome, scan)
        return True

    def _missing(self, outcome: Outcome, files: Mapping[str, DataFile], names: Sequence[str]) -> dict[str, int] | None:
        """How many rows hold no value, file by file, if statistics know it of each."""
        on, expectation = outcome.relation, outcome.check.expectation
        if not on.exact or on.base is None or outcome.is_conditional:
            return None
        if not isinstance(expectation, ColumnExpectation) or not expectation.counts_missing:
            return None
        stats = self.sight.statistics(on.base)
        known = {name: known_of_file(on, expectation.columns(), files[name], stats) for name in names}
        missing = {name: each[expectation.column].missing for name, each in known.items() if each is not None}
        return missing if len(missing) == len(names) else None

    def _counted(self, outcome: Outcome, file: DataFile, counts: Counts) -> None:
        outcome.came("scanned")
        outcome.by_file[file.path] = counts
        self.sight.learn(subject_of(file), outcome.key, counts)

    def _sum_up(self, outcome: Outcome) -> None:
        """Files make up a table; of a change log's view they say something only if none has anything against it."""
        on = outcome.relation
        total = sum(outcome.by_file.values(), NOTHING)
        if on.exact:
            outcome.counts = total
        elif total.missing == total.unexpected == 0 and not outcome.is_conditional:
            outcome.counts = Counts(self.sight.rows(on), 0, 0)

    def _count_whole(self, outcomes: Sequence[Outcome]) -> None:
        asked, left = _by_judge([each for each in outcomes if not self._remembered(each)])
        for outcome in asked:
            self._timed(outcome, self._ask_whole)

        def scan(part: Sequence[Outcome]) -> None:
            from headgate.gates.scan import scan_whole

            rows, found = scan_whole(self.sight.con, _shared(part), _expectations(part))
            self.sight.learn_rows(part[0].relation, rows)
            for outcome, counts in zip(part, found, strict=True):
                self._found(outcome, counts)

        if left:
            self._together(left, scan)

    def _ask_whole(self, outcome: Outcome) -> None:
        from headgate.gates.scan import ask_whole

        expectation = outcome.check.expectation
        assert isinstance(expectation, EachValueExpectation)  # noqa: S101 - the caller chose it
        counts, refused = ask_whole(self.sight.con, outcome.relation, expectation)
        outcome.on = replace(outcome.relation, found=refused)
        self._found(outcome, counts)

    def _count_by_query(self, outcome: Outcome) -> None:
        on, expectation = outcome.relation, outcome.check.expectation
        assert isinstance(expectation, QueryExpectation)  # noqa: S101 - the others have their counts by now
        if expectation.holds_of_nothing and on.base is not None and on.exact and on.base.rows == 0:
            outcome.counts = NOTHING
        elif not self._remembered(outcome):
            from headgate.gates.scan import looked_up, run_query

            outcome.on = looked_up(self.sight.con, on, expectation)
            self._found(outcome, run_query(self.sight.con, outcome.on, expectation, self._ranges(outcome)))

    def _be_told(self, outcome: Outcome, query: Outcome) -> None:
        """Take the number of rows without a value from a query that came to it on its way, unless it failed."""
        expectation, counts = outcome.check.expectation, query.counts
        assert isinstance(expectation, NullExpectation)  # noqa: S101 - no other can be told
        if counts is not None:
            outcome.came(query.how)
            outcome.counts = expectation.of_nulls(counts.elements, counts.missing)
            self.sight.learn(outcome.relation.identity, outcome.key, outcome.counts)

    def _ranges(self, outcome: Outcome) -> dict[str, Range] | None:
        on, expectation = outcome.relation, outcome.check.expectation
        if on.base is None or not isinstance(expectation, QueryExpectation):
            return None
        names = expectation.bounded(on)
        return ranges_of(on, names, self.sight.statistics(on.base)) if names else None

    def _remembered(self, outcome: Outcome) -> bool:
        """Whether memory holds what the expectation counts in the whole relation."""
        identity = outcome.relation.identity
        outcome.counts = self.sight.fact(identity, outcome.key) if self.sight.knows_of(identity) else None
        if outcome.counts is not None:
            outcome.came("remembered")
        return outcome.counts is not None

    def _found(self, outcome: Outcome, counts: Counts) -> None:
        outcome.came("scanned")
        outcome.counts = counts
        self.sight.learn(outcome.relation.identity, outcome.key, counts)

    def _together(self, outcomes: Sequence[Outcome], scan: Callable[[Sequence[Outcome]], None]) -> None:
        """One scan for all; if it fails, one for each, so that a broken one does not take the others with it."""
        start = perf_counter()
        try:
            scan(outcomes)
        except (UnusableError, duckdb.Error, RecursionError) as error:
            if len(outcomes) == 1:
                self._fail(outcomes[0], error)
            else:
                for outcome in outcomes:
                    self._together([outcome], scan)
        for outcome in outcomes:
            outcome.seconds += (perf_counter() - start) / len(outcomes)


def _shared(outcomes: Sequence[Outcome]) -> Checked:
    """The relation of a scan that serves several expectations: it knows every other relation that one of them names."""
    others = {name: other for outcome in outcomes for name, other in outcome.relation.others.items()}
    return replace(outcomes[0].relation, others=others)


def _by_judge(outcomes: Sequence[Outcome]) -> tuple[list[Outcome], list[Outcome]]:
    """Those that Python judges, each with a query of its own, and those that SQL judges together."""
    asked = [each for each in outcomes if isinstance(each.check.expectation, EachValueExpectation)]
    return asked, [each for each in outcomes if not isinstance(each.check.expectation, EachValueExpectation)]


def _told(rows: Sequence[Outcome], queries: Sequence[Outcome]) -> list[tuple[Outcome, Outcome]]:
    """Who asks for nothing but the nulls of a column, and the query that counts them on its way."""
    tellers: dict[str, Outcome] = {}
    for query in queries:
        asked = query.check.expectation
        column = asked.counts_nulls_of() if isinstance(asked, QueryExpectation) else None
        if column is not None:
            tellers[column] = query
    told = []
    for outcome in rows:
        expectation = outcome.check.expectation
        if isinstance(expectation, NullExpectation) and not outcome.is_conditional and expectation.column in tellers:
            told.append((outcome, tellers[expectation.column]))
    return told


def _expectations(outcomes: Sequence[Outcome]) -> list[RowExpectation]:
    return [each.check.expectation for each in outcomes if isinstance(each.check.expectation, RowExpectation)]
