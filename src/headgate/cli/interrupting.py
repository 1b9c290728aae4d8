"""Ctrl-C, and SIGTERM as schedulers send it, reach the engine at once.

Python tells nobody of a signal while the main thread is inside of the engine, which may be minutes. So a
second thread listens, and interrupts the queries that are running; then the main thread comes back.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

#: An interruption is lost on a query that is just about to start, so it is said again until it was noticed.
AGAIN_SECONDS = 0.2
#: What is listened to, and what Python does at each if nobody said otherwise.
_SIGNALS: dict[signal.Signals, Callable[[int, FrameType | None], Any] | signal.Handlers] = {
    signal.SIGINT: signal.default_int_handler,
    signal.SIGTERM: signal.SIG_DFL,
}


@contextmanager
def heard_at_once() -> Iterator[threading.Event]:
    """Listen for Ctrl-C and SIGTERM while the block runs; the event says whether one was noticed."""
    noticed, ended = threading.Event(), threading.Event()
    ours = [number for number, usual in _SIGNALS.items() if signal.getsignal(number) is usual]
    if not ours or not _in_main_thread():
        yield noticed  # somebody else decides what they mean, as nohup does
        return

    def notice(number: int, frame: FrameType | None) -> None:
        noticed.set()
        signal.default_int_handler(number, frame)

    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)
    before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    for number in ours:
        signal.signal(number, notice)
    listener = threading.Thread(target=_listen, args=(ear, ours, noticed, ended), name="ctrl-c", daemon=True)
    listener.start()
    try:
        yield noticed
    finally:
        for number in ours:
            signal.signal(number, _SIGNALS[number])
        signal.set_wakeup_fd(before)
        os.close(mouth)
        ended.set()
        listener.join()
        os.close(ear)


def _listen(ear: int, ours: list[signal.Signals], noticed: threading.Event, ended: threading.Event) -> None:
    while signals := os.read(ear, 64):
        if any(number in signals for number in ours):
            _interrupt()
            while not (noticed.wait(AGAIN_SECONDS) or ended.is_set()):
                _interrupt()


def _interrupt() -> None:
    engine = sys.modules.get("headgate.lake.engine")
    if engine is not None:
        engine.interrupt_all()


def _in_main_thread() -> bool:
    return threading.current_thread() is threading.main_thread()
