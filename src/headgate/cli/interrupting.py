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


@contextmanager
def heard_at_once() -> Iterator[threading.Event]:
    """Listen for Ctrl-C while the block runs; the event says whether it was heard."""
    heard = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield heard
        return
    ear, mouth = os.pipe()
    os.set_blocking(mouth, False)
    before = signal.set_wakeup_fd(mouth, warn_on_full_buffer=False)
    listener = threading.Thread(target=_listen, args=(ear, heard), name="ctrl-c", daemon=True)
    listener.start()
    try:
        yield heard
    finally:
        signal.set_wakeup_fd(before)
        os.close(mouth)
        listener.join()
        os.close(ear)


def _listen(ear: int, heard: threading.Event) -> None:
    while signals := os.read(ear, 64):
        if signal.SIGINT in signals:
            heard.set()
            engine = sys.modules.get("headgate.lake.engine")
            if engine is not None:
                engine.interrupt_all()
