"""The one place that talks to Apprise, which talks to mail, chat, SMS gateways and webhooks.

URLs hold secrets, so that no text of here or of Apprise shows one. Source: https://appriseit.com
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from typing import Any, Literal

from headgate.errors import MissingExtraError, UsageError
from headgate.notify.message import Message
from headgate.project.following_config import Channel

#: How Apprise marks a message, where a service has colours or icons.
Tone = Literal["failure", "warning", "success"]
_URL = re.compile(r"\b[a-z0-9+]+://\S+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Delivery:
    """Whether everybody of a channel was told; ``text`` says why not."""

    ok: bool
    text: str = ""


def deliver(channel: Channel, message: Message, tone: Tone) -> Delivery:
    """Tell one channel. What goes wrong is in the result: who could not be told must never end a run."""
    try:
        sender = _sender(channel)
    except (MissingExtraError, UsageError) as error:
        return Delivery(False, str(error))
    with _listening(logging.WARNING) as said:
        try:
            ok = sender.notify(title=message.title, body=message.body, notify_type=tone, body_format="text")
        except Exception as error:  # noqa: BLE001  # a hundred services' plug-ins: whatever one raises is not our end
            return Delivery(False, type(error).__name__)
        text = " ".join(_URL.sub("…", said.getvalue()).split())
    return Delivery(bool(ok), "" if ok else text or "it was not delivered")


def require_channels(channel: Channel) -> int:
    """The number of addresses, if all of them can be understood.

    Raises:
        UsageError: one cannot.
        MissingExtraError: Apprise is not installed.
    """
    return len(_sender(channel))


def _sender(channel: Channel) -> Any:
    try:
        import apprise
    except ImportError as error:
        raise MissingExtraError("apprise", "notify") from error
    sender = apprise.Apprise()
    with _listening(logging.CRITICAL):  # it would show the URL
        for number, url in enumerate(channel.urls, start=1):
            if not sender.add(url):
                scheme = url.partition("://")[0] if "://" in url else "no scheme"
                raise UsageError(
                    f"address {number} ({scheme}) is none that Apprise understands",
                    where="notify",
                    hint="write it as https://appriseit.com describes it, for example mailtos://user:password@host",
                )
    return sender


def _listening(level: int) -> Any:
    """What Apprise logs while the block runs, instead of anybody else hearing it."""
    import apprise

    capture: Any = apprise.LogCapture
    return capture(level=level, fmt="%(message)s")
