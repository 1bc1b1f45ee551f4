"""Writes the results of evaluations as text, HTML reports and plots."""

from training.reports import cold_start, confusion, match, pages, recognition, retrieval

__all__ = ["cold_start", "confusion", "match", "pages", "recognition", "retrieval"]
