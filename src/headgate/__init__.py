"""Headgate: data pipelines whose readers never see bad data."""
