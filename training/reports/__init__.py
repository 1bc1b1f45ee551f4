"""HTML reports and plots of what was measured."""

from training.reports.cold_start import describe

__all__ = ["describe"]
