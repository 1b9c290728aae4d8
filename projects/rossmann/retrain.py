"""Train a forecast of Sales on a release, and write it down with a card that says what it is.

Headgate starts this after publishing (see `after` in headgate.yml) and tells it which release. By hand:

    HEADGATE_RELEASE=1 HEADGATE_LAKE=./lake python retrain.py

The model learns log(Sales) of open days from a sample of train_features and is judged on the last six weeks, which it
has not seen: by RMSPE, the root of the mean squared percentage error, as the competition was. It reads a release, so
nothing can change under it, and the same release gives the same model. Needs `pip install 'headgate[rossmann]'`.
"""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np

from headgate.errors import ExitCode, HeadgateError, MissingExtraError, UsageError
from headgate.lake import engine
from headgate.lake.manifest import catalog_key
from headgate.lake.opening import open_store

# Read when scikit-learn is loaded. Threads that wait actively for one another take ten times as long as soon as
# anything else runs on the machine (measured: 165 s instead of 16).
os.environ.setdefault("OMP_WAIT_POLICY", "passive")

try:
    import joblib
    import sklearn
    from sklearn.ensemble import HistGradientBoostingRegressor
except ImportError as error:
    sys.exit(str(MissingExtraError(error.name or "scikit-learn", "rossmann")))

TABLE = engine.qualified(engine.LAKE, "features", "train_features")
TARGET = "Sales"
#: Known only when the day is over, so nothing to forecast with.
UNKNOWN_BEFORE = {TARGET, "Customers"}
#: One letter each. The other texts are in the features as numbers.
LETTERS = {"StateHoliday", "StoreType", "Assortment"}
NUMBERS = {"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "FLOAT", "DOUBLE", "BOOLEAN"}
VALIDATION = timedelta(weeks=6)
SAMPLE_ROWS = 150_000
PARAMETERS: dict[str, Any] = {
    "max_iter": 250,
    "learning_rate": 0.1,
    "max_leaf_nodes": 63,
    "min_samples_leaf": 30,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 7,
}


@dataclass(frozen=True, slots=True)
class Order:
    """What to train on and where to write: all of it comes from the environment."""

    release: int
    lake: str
    project: Path
    folder: Path
    run: str | None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str]) -> Order:
        """Read HEADGATE_RELEASE and HEADGATE_LAKE, and if they are there HEADGATE_PROJECT, _TARGET and _RUN."""
        missing = [name for name in ("HEADGATE_RELEASE", "HEADGATE_LAKE") if not environ.get(name)]
        if missing:
            raise UsageError(
                f"{' and '.join(missing)} must be set",
                hint="headgate sets them after publishing; by hand: "
                "HEADGATE_RELEASE=1 HEADGATE_LAKE=./lake python retrain.py",
            )
        release = environ["HEADGATE_RELEASE"]
        if not release.isascii() or not release.isdecimal():
            raise UsageError(f"HEADGATE_RELEASE must be the number of a release, not {release[:40]!r}")
        # Each target has its own lake, so its own release 1.
        project = Path(environ.get("HEADGATE_PROJECT") or Path(__file__).parent)
        folder = project / "model" / environ.get("HEADGATE_TARGET", "") / f"release-{int(release):06d}"
        return cls(int(release), environ["HEADGATE_LAKE"], project, folder, environ.get("HEADGATE_RUN"))


@dataclass(frozen=True, slots=True)
class Examples:
    """A matrix of features (rows × columns, NaN where nothing is known) and the sales to it."""

    features: np.ndarray[Any, np.dtype[np.float32]]
    sales: np.ndarray[Any, np.dtype[np.float64]]


def open_release(order: Order) -> duckdb.DuckDBPyConnection:
    """The release, read-only: it is frozen, and stays so."""
    store = open_store(order.lake, order.project)
    con = engine.connect(engine.EngineSettings(access=store.access))
    catalog = store.file(catalog_key(order.release), None)
    engine.attach(con, str(catalog), store.url("data"), read_only=True)
    return con


def feature_columns(con: duckdb.DuckDBPyConnection) -> list[str]:
    """The columns to learn from: what is a number or a letter, and is known before the day."""
    columns = con.execute(f"DESCRIBE {TABLE}").fetchall()
    known = [(name, kind) for name, kind, *_ in columns if name not in UNKNOWN_BEFORE]
    return [name for name, kind in known if kind in NUMBERS or name in LETTERS]


def read_examples(
    con: duckdb.DuckDBPyConnection, columns: list[str], condition: str, limit: int | None = None
) -> Examples:
    """Open days with sales for which ``condition`` holds; with ``limit`` about so many of them, chosen by hash."""
    where = f"FROM {TABLE} WHERE Open = 1 AND Sales > 0 AND {condition}"
    if limit is not None:
        (rows,) = con.execute(f"SELECT count(*) {where}").fetchone() or (0,)
        where += f" AND hash(Store, Date) % 1000000 < {min(1_000_000, limit * 1_000_000 // max(rows, 1))}"
    chosen = [
        f"{f'ascii({engine.ident(name)})' if name in LETTERS else engine.ident(name)}::FLOAT AS {engine.ident(name)}"
        for name in columns
    ]
    sql = f"SELECT {', '.join(chosen)}, {TARGET}::DOUBLE AS target {where} ORDER BY Store, Date"
    found = con.execute(sql).fetchnumpy()
    features = np.column_stack([np.ma.filled(found[name], np.nan) for name in columns])
    return Examples(features, np.ma.filled(found["target"], np.nan))


def rmspe(actual: np.ndarray[Any, Any], predicted: np.ndarray[Any, Any]) -> float:
    """The root of the mean squared percentage error; all of ``actual`` are above 0.

    >>> rmspe(np.array([100.0, 200.0]), np.array([110.0, 180.0]))
    0.1
    """
    return round(float(np.sqrt(np.mean(((actual - predicted) / actual) ** 2))), 6)


def train(order: Order) -> dict[str, Any]:
    """Train, judge and write; returns the card."""
    started = time.perf_counter()
    with open_release(order) as con:
        columns = feature_columns(con)
        (last,) = con.execute(f"SELECT max(Date) FROM {TABLE}").fetchone() or (None,)
        if last is None:
            raise UsageError(f"release {order.release} has no rows in features.train_features")
        first: date = last - VALIDATION + timedelta(days=1)
        learned = read_examples(con, columns, f"Date < DATE '{first}'", SAMPLE_ROWS)
        unseen = read_examples(con, columns, f"Date >= DATE '{first}'")
    if not len(learned.sales) or not len(unseen.sales):
        raise UsageError(f"release {order.release} has too few open days: the last six weeks are for validation")
    model = HistGradientBoostingRegressor(categorical_features=[name in LETTERS for name in columns], **PARAMETERS)
    model.fit(learned.features, np.log(learned.sales))
    score = rmspe(unseen.sales, np.exp(model.predict(unseen.features)))
    card = {
        "model": "HistGradientBoostingRegressor of log(Sales), open days",
        "release": order.release,
        "run": order.run,
        "table": "features.train_features",
        "rows": {"trained": len(learned.sales), "validated": len(unseen.sales)},
        "validation": {"from": str(first), "until": str(last)},
        "score": {"rmspe": score},
        "columns": columns,
        "letters": "a text of one letter is its code point, as ord() gives it",
        "parameters": PARAMETERS,
        "versions": {"python": platform.python_version(), "scikit-learn": sklearn.__version__, "numpy": np.__version__},
        "trained_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - started, 1),
    }
    write(order, model, card)
    return card


def write(order: Order, model: HistGradientBoostingRegressor, card: dict[str, Any]) -> Path:
    """Put model and card into ``model/release-N`` together: whoever looks sees both of one training, or neither."""
    folder = order.folder
    new, old = (folder.with_name(f".{folder.name}.{kind}-{os.getpid()}") for kind in ("new", "old"))
    new.mkdir(parents=True)
    try:
        joblib.dump(model, new / "model.joblib", compress=3)
        (new / "card.json").write_text(json.dumps(card, indent=2) + "\n", encoding="utf-8")
        if folder.exists():
            folder.rename(old)
        new.rename(folder)
    finally:
        shutil.rmtree(new, ignore_errors=True)
        shutil.rmtree(old, ignore_errors=True)
    return folder


def main() -> int:
    """Exit code 0 if a model was written, else as headgate's."""
    try:
        card = train(Order.from_environment(os.environ))
    except HeadgateError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except duckdb.Error as error:
        print(f"the release cannot be read: {error}", file=sys.stderr)
        return ExitCode.COULD_NOT_RUN
    print(
        f"trained on {card['rows']['trained']:,} rows of release {card['release']}: RMSPE {card['score']['rmspe']:.4f} "
        f"on the last six weeks, {card['seconds']} s"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
