"""Evaluations as text, HTML reports and plots; each module writes one kind."""

from training.reports import cold_start, recognition, retrieval

__all__ = ["cold_start", "recognition", "retrieval"]
