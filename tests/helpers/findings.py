"""Reads what `lookalike doctor` found."""

from indexer.operating.finding import FAIL, OK, WARN, Finding


def levels(found: list[Finding]) -> dict[str, str]:
    """Returns the worst level of each subject."""
    order = (OK, WARN, FAIL)
    return {
        subject: max((finding.level for finding in found if finding.subject == subject), key=order.index)
        for subject in {finding.subject for finding in found}
    }
