"""What a person sees while something works: the step in hand, on a terminal only."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.status import Status


class Progress:
    """A live line with the step in hand; on a terminal without escape codes, a plain line for each step.

    Does nothing where standard error is no terminal, or with ``quiet``.
    """

    def __init__(self, *, quiet: bool = False, doing: str = "starting") -> None:
        self._visible = not quiet and sys.stderr.isatty()
        self._doing = doing
        self._status: Status | None = None

    def __enter__(self) -> Progress:
        from headgate.cli.output import coloured

        if self._visible and coloured(sys.stderr):
            from rich.console import Console

            self._status = Console(stderr=True).status(self._doing)
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
        elif self._visible:
            from headgate.cli.output import tell

            tell(f"{step}  {text}")
