"""Who is told: the commands that run after a release, and people."""

from headgate.notify.channels import Delivery, deliver, require_channels
from headgate.notify.hooks import HookOutcome, run_hook
from headgate.notify.message import Message, without_values

__all__ = ["Delivery", "HookOutcome", "Message", "deliver", "require_channels", "run_hook", "without_values"]
