"""Ctrl-C reaches the engine at once.

Python tells nobody of a signal while the main thread is inside of the engine, which may be minutes. So a
second thread listens, and interrupts the queries that are running; then the main thread comes back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

#: An interruption is lost on a query that is just about to start, so it is said again until it was noticed.
AGAIN_SECONDS = 0.2


@contextmanager
def heard_at_once() -> Iterator[threading.Event]:
    """Listen for Ctrl-C while the block runs; the event says whether it was noticed."""
    noticed, ended = threading.Event(), threading.Event()
    if signal.getsignal(signal.SIGINT) is not signal.default_int_handler or not _in_main_thread():
        yield noticed  # somebody else decides what Ctrl-C means, as nohup does
        return

    def notice(number: int, frame: FrameType | None) -> None:
        noticed.set()
        signal.default_int_handler(number, frame)

    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)
    before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    signal.signal(signal.SIGINT, notice)
    listener = threading.Thread(target=_listen, args=(ear, noticed, ended), name="ctrl-c", daemon=True)
    listener.start()
    try:
        yield noticed
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        signal.set_wakeup_fd(before)
        os.close(mouth)
        ended.set()
        listener.join()
        os.close(ear)


def _listen(ear: int, noticed: threading.Event, ended: threading.Event) -> None:
    while signals := os.read(ear, 64):
        if signal.SIGINT in signals:
            _interrupt()
            while not (noticed.wait(AGAIN_SECONDS) or ended.is_set()):
                _interrupt()


def _interrupt() -> None:
    engine = sys.modules.get("headgate.lake.engine")
    if engine is not None:
        engine.interrupt_all()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
