"""Results of training and recognition as text: the comparison table, the validation curve, and a summary."""

from typing import Any


def models_table(models: list[dict[str, Any]]) -> str:
    """Returns the comparison of the models as aligned columns."""
    names = ("model", "labels", "images", "steps", "training_s", "inference_ms", "top1", "top3", "top5")
    rows = [names, *([_cell(name, model.get(name)) for name in names] for model in models)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(names))]
    return "\n".join("  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows)


def curve(history: list[dict[str, float]]) -> str:
    """Returns the validation curve as aligned columns."""
    rows = ["epoch      rate    loss  validation   top1   top5  seconds"]
    rows += [
        f"{entry['epoch']:5d}  {entry['learning_rate']:.2e}  {entry['loss']:6.3f}  {entry['validation_loss']:10.3f}  "
        f"{entry['top1']:5.1%}  {entry['top5']:5.1%}  {entry['seconds']:7.0f}"
        for entry in history
    ]
    return "\n".join(rows)


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.1%}" if name.startswith("top") else str(value)


def summary(figures: dict[str, Any]) -> str:
    """Returns what the figures of a vote say, in two sentences."""
    gain = figures["vote_minus_best_voter"]
    verdict = f"The vote is {abs(gain):.1%} {'better' if gain > 0 else 'worse'} than the best single voter."
    if not gain:
        verdict = "The vote is as good as the best single voter."
    precision = figures["precision_where_answered"]
    return (
        f"{verdict} It answers for {figures['coverage']:.1%} of {figures['photos']} photos"
        f"{f', right in {precision:.1%} of those' if precision is not None else ''}; "
        f"expected calibration error {figures['expected_calibration_error']:.3f}."
    )
