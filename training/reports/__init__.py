"""Writes the results of evaluations as text, HTML reports and plots."""

from training.reports import cold_start, match, recognition, retrieval

__all__ = ["cold_start", "match", "recognition", "retrieval"]
