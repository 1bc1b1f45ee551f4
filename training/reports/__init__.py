"""Writes the results of evaluations as text, HTML reports and plots."""

from training.reports import cold_start, confusion, labels, match, pages, recognition, retrieval, tables

__all__ = ["cold_start", "confusion", "labels", "match", "pages", "recognition", "retrieval", "tables"]
