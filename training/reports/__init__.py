"""Evaluations as text, HTML reports and plots."""

from training.reports.cold_start import describe

__all__ = ["describe"]
