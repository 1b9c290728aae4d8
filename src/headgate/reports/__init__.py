"""A verdict as a document: a page of HTML, JUnit XML for CI systems, Markdown for pull requests, JSON."""

from headgate.reports.rendering import Format, Reported, format_of, render, write

__all__ = ["Format", "Reported", "format_of", "render", "write"]
