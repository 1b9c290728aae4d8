"""The one place that runs dbt: in this process, through its documented programmatic entry.

Source: https://docs.getdbt.com/reference/programmatic-invocations
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.errors import ExitCode, MissingExtraError, TransformError
from headgate.project.yaml_file import read_yaml
from headgate.transform.complaints import fault_of, line_of, parse_error, unframed
from headgate.transform.memory import TARGETS, Memory
from headgate.transform.models import Models, Node, read_models
from headgate.transform.steady import VENDOR_PACKAGES

#: For so many seconds dbt computes in the background before another thread of Python that waits gets its turn. Who
#: extracts waits after every statement, and Python's own 5 ms make a second of it.
_TURN = 0.001
#: dbt's words for a node that did what it should.
GOOD = ("success", "pass", "no-op")


@dataclass(frozen=True, slots=True)
class NodeOutcome:
    """What dbt says of one node: ``failures`` counts the rows that a test found, ``statements`` is what it changed."""

    id: str
    status: str
    message: str | None
    failures: int | None
    seconds: float
    statements: tuple[str, ...] = ()


class Dbt:
    """dbt on one project folder. Import and first parse cost two seconds: `warm_up` hides them, ``memory`` saves them.

    Not for several threads at once; one instance a process. With ``pii``, what the database says of data is not
    passed on: it quotes values. What is remembered of each ``target`` is kept apart.
    """

    def __init__(
        self,
        folder: Path,
        workspace: Path,
        variables: Mapping[str, Any],
        *,
        target: str | None = None,
        pii: bool = False,
    ) -> None:
        self._folder = folder
        self._workspace = workspace
        self._variables = dict(variables)
        self._pii = pii
        self.memory = Memory(folder, workspace / TARGETS / target if target else workspace, self._variables)
        self._manifest: Any = None
        self._models: Models | None = None
        self._compiled: dict[str, str] = {}
        self._warming: threading.Thread | None = None
        self._when_awake: Callable[[], object] = lambda: None
        self._failure: BaseException | None = None
        self._turn = sys.getswitchinterval()

    def remembered(self) -> Models | None:
        """Every node of the project, if nothing has changed since dbt parsed it."""
        if self._models is None:
            self._models = self.memory.models()
        return self._models

    def warm_up(self, foreseen: Callable[[Models], Sequence[Node]], when_awake: Callable[[], object]) -> None:
        """Import dbt, parse the project and compile what is ``foreseen`` in the background, while extraction runs.

        ``when_awake`` is called when that is over, by the thread that asks for models or for work of dbt.
        """
        self._when_awake = when_awake
        sys.setswitchinterval(_TURN)
        self._warming = threading.Thread(
            target=self._prepare_quietly, args=(foreseen,), name="dbt-warm-up", daemon=True
        )
        self._warming.start()

    def models(self) -> Models:
        """Every node of the project, without waiting for dbt if they are remembered.

        Raises:
            ConfigError: dbt cannot parse them.
        """
        if self._models is None or not self._is_warming():
            self._await()
        if self._models is None:
            self._models = self.remembered() or self._parse()
        return self._models

    def build(
        self,
        nodes: Sequence[Node],
        *,
        full_refresh: bool = False,
        on_node: Callable[[str], None] | None = None,
    ) -> list[NodeOutcome]:
        """Build models and run tests, inputs first; a failed node is an outcome, not an exception.

        Raises:
            TransformError: dbt itself could not run.
        """
        self._wake()
        names = [self._selector(node) for node in nodes]
        arguments = ["build", *_selecting(names)]
        if full_refresh:
            arguments.append("--full-refresh")
        sent: dict[str, list[str]] = {}
        result = self._invoke(arguments, on_node, sent)
        if result.exception is not None and not result.result:
            raise TransformError(unframed(str(result.exception)), model=", ".join(names))
        wanted = {node.id for node in nodes}
        outcomes = []
        for r in result.result:
            message = self._said(r.message) if str(r.status).endswith("error") else r.message
            if r.node.unique_id in wanted:
                statements = tuple(sent.get(r.node.unique_id, ()))
                outcomes.append(
                    NodeOutcome(r.node.unique_id, str(r.status), message, r.failures, r.execution_time, statements)
                )
            elif str(r.status) not in (*GOOD, "skipped"):
                raise TransformError(f"the hook {r.node.name} failed: {unframed(message or '')}", model=r.node.name)
        missing = wanted - {outcome.id for outcome in outcomes}
        if missing:
            named = ", ".join(sorted(missing))
            raise TransformError(
                f"dbt has nothing to run for {named}",
                model=named,
                hint="is its file empty, or does a schema.yml describe it under a name that no model has?",
                fault=ExitCode.USAGE,
            )
        return outcomes

    def close(self) -> None:
        """Let go of the database, which dbt otherwise keeps for the next call of this process."""
        self._join()
        if factory := sys.modules.get("dbt.adapters.factory"):
            factory.cleanup_connections()
        if adapter := sys.modules.get("dbt.adapters.duckdb.connections"):
            # the connection that keeps an in-memory database alive between two calls has no other way of being closed
            adapter.DuckDBConnectionManager.close_all_connections()

    def compile(self, nodes: Sequence[Node]) -> dict[str, str]:
        """The query of each model by its id, of incremental ones the first; what cannot be compiled is left out."""
        self._wake()
        if left := [node for node in nodes if node.id not in self._compiled]:
            self._compiled |= self._compile(left)
        return {node.id: self._compiled[node.id] for node in nodes if node.id in self._compiled}

    def error_of(self, node: Node, outcome: NodeOutcome) -> TransformError:
        """A failed model as an error that names the file, the line and the database's message."""
        message = unframed(outcome.message or outcome.status)
        compiled = self._workspace / "target" / "compiled"
        found = next(iter(sorted(compiled.glob(f"*/{node.file}"))), None)
        line = line_of(message, node.raw, found)
        where = node.file if line is None else f"{node.file}:{line}"
        hint = f"the compiled statement: {found.relative_to(self._folder)}" if found else None
        return TransformError(
            f"model {node.name} failed: {message}", model=node.name, where=where, hint=hint, fault=fault_of(message)
        )

    def _wake(self) -> None:
        """The models may be remembered; to do something, dbt needs its own idea of them."""
        self._await()
        if self._manifest is None:
            self._models = self._parse()

    def _is_warming(self) -> bool:
        return self._warming is not None and self._warming.is_alive()

    def _await(self) -> None:
        if self._join():
            self._when_awake()
        if self._failure is not None:
            failure, self._failure = self._failure, None
            raise failure

    def _join(self) -> bool:
        """Wait for the background; returns whether there was something to wait for."""
        if self._warming is None:
            return False
        self._warming.join()
        self._warming = None
        sys.setswitchinterval(self._turn)
        return True

    def _said(self, message: str | None) -> str | None:
        if message is None or not self._pii or fault_of(message) is ExitCode.USAGE:
            return message
        kind = re.search(r"\b([A-Z]\w+(?: \w+){0,3} Error): ", message)
        return f"{kind[1] if kind else 'an error'}, whose text could quote values of columns that are tagged pii"

    def _prepare_quietly(self, foreseen: Callable[[Models], Sequence[Node]]) -> None:
        try:
            models = self._parse()
            if nodes := foreseen(models):
                self._compiled = self._compile(nodes)
            self._models = models
        except BaseException as error:  # noqa: BLE001  # carried over to the thread that asks for dbt
            self._failure = error

    def _compile(self, nodes: Sequence[Node]) -> dict[str, str]:
        names = [self._selector(node) for node in nodes]
        result = self._invoke(["compile", "--no-populate-cache", "--full-refresh", *_selecting(names)])
        done = (r for r in result.result or () if str(r.status) in GOOD)
        return {r.node.unique_id: r.node.compiled_code for r in done if r.node.compiled_code}

    def _parse(self) -> Models:
        result = self._invoke(["parse", "--no-write-json"])
        if not result.success:
            raise parse_error(str(result.exception or "dbt cannot parse the project"), self._folder)
        self._manifest = result.result
        settings = read_yaml(self._folder / "dbt_project.yml", "dbt_project.yml").data
        models = read_models(
            _plain_manifest(self._manifest),
            project_vars=settings.get("vars"),
            variables=self._variables,
            environ=os.environ,
        )
        self.memory.keep_models(models)
        return models

    def _invoke(
        self,
        arguments: list[str],
        on_node: Callable[[str], None] | None = None,
        sent: dict[str, list[str]] | None = None,
    ) -> Any:
        try:
            from dbt.cli.main import dbtRunner
        except ImportError as error:
            raise MissingExtraError("dbt-duckdb", "dbt") from error

        def callback(event: Any) -> None:
            if on_node is not None and event.info.name == "NodeStart":
                on_node(event.data.node_info.node_name)
            if sent is not None and event.info.name == "SQLQuery" and _changes(event.data.sql):
                sent.setdefault(event.data.node_info.unique_id, []).append(event.data.sql)

        if self._manifest is not None:
            _forget_compiled(self._manifest)
        runner = dbtRunner(manifest=self._manifest, callbacks=[callback])
        settings = ["--project-dir", str(self._folder), "--profiles-dir", str(self._workspace)]
        settings += ["--target-path", str(self._workspace / "target"), "--log-path", str(self._workspace / "logs")]
        settings += ["--log-level", "none", "--no-send-anonymous-usage-stats", "--no-version-check"]
        settings += ["--no-use-colors", "--no-print"]
        here = Path.cwd()
        try:
            result = runner.invoke([*arguments, *settings, "--vars", json.dumps(self._variables)])
        finally:
            os.chdir(here)  # dbt moves to the project's folder and stays there
        if isinstance(result.exception, KeyboardInterrupt):
            raise result.exception  # dbt has cancelled what it was doing
        return result

    def _selector(self, node: Node) -> str:
        return node.name if node.kind == "test" else f"path:{node.file},{node.name}"


def _selecting(names: Sequence[str]) -> list[str]:
    return ["--no-write-json", "--select", *names, "--indirect-selection", "empty"]


def _plain_manifest(manifest: Any) -> dict[str, Any]:
    """What ``manifest.json`` would say of nodes, sources and the project's macros; writing all of it takes longer."""

    def plain(resources: Mapping[str, Any]) -> dict[str, Any]:
        return {key: each.to_resource().to_dict(omit_none=False) for key, each in resources.items()}

    own = {key: macro for key, macro in manifest.macros.items() if macro.package_name not in VENDOR_PACKAGES}
    return {
        "metadata": {"dbt_version": manifest.metadata.dbt_version},
        "nodes": plain(manifest.nodes),
        "sources": plain(manifest.sources),
        "macros": plain(own),
        "vendor_macros": [macro.name for key, macro in manifest.macros.items() if key not in own],
    }


def _forget_compiled(manifest: Any) -> None:
    """Bring every node back to how it was parsed.

    dbt notes in the nodes themselves what it compiled. Compiled once more, one that reads an ephemeral model would lose
    it: its statement would name what is nowhere.
    """
    for node in manifest.nodes.values():
        if getattr(node, "compiled", False):
            node.compiled, node.compiled_code = False, None
            node.extra_ctes, node.extra_ctes_injected = [], False


def _changes(statement: str) -> bool:
    """Whether a statement that dbt sent does anything: questions and the bounds of transactions do not."""
    text = re.sub(r"^\s*/\*.*?\*/", "", statement, count=1, flags=re.DOTALL).strip().rstrip(";").lower()
    return text not in ("", "begin", "commit") and not text.startswith("select")
