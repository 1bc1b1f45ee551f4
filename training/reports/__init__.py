"""Writes the results of evaluations as text, HTML reports and plots."""

from training.reports import attributes, cold_start, confusion, labels, match, pages, recognition, retrieval, tables

__all__ = ["attributes", "cold_start", "confusion", "labels", "match", "pages", "recognition", "retrieval", "tables"]
