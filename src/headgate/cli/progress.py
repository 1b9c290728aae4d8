"""What a person sees while a run works: the step in hand, on a terminal only."""

from __future__ import annotations

from types import TracebackType
from typing import Any


class Progress:
    """A live line with the step in hand; does nothing when it is not ``visible``."""

    def __init__(self, *, visible: bool) -> None:
        self._visible = visible
        self._status: Any = None

    def __enter__(self) -> Progress:
        if self._visible:
            from rich.console import Console

            self._status = Console(stderr=True).status("starting")
            self._status.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._status is not None:
            self._status.stop()

    def __call__(self, step: str, text: str) -> None:
        """Show that ``step`` is doing ``text``."""
        if self._status is not None:
            from rich.markup import escape

            self._status.update(f"{escape(step)}  [dim]{escape(text)}[/dim]")
