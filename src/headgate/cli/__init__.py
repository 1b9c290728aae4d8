"""The command line: it calls the rooms below and has no logic of its own."""

from headgate.cli.app import execute, main

__all__ = ["execute", "main"]
