"""Figures of a classifier on its training data: confusion matrix and, for two classes, ROC and precision-recall curves.

They are drawn without pyplot: no window, no state shared with the script's own figures, usable in any thread.
"""

import time
from pathlib import Path
from typing import Any, Callable, Tuple

from mlctl import settings
from mlctl.autologging.notices import say
from mlctl.autologging.sklearn_metrics import PREFIX, Results

_MOST_CLASSES = 50
_DPI = 120


class _Time:
    """Seconds that this process has spent drawing, and training under watch."""

    drawn_s = 0.0
    trained_s = 0.0


def draw(folder: Path, y: Any, results: Results, *, weight: Any, duration_s: float, silent: bool) -> None:
    """Write the PNG files that fit; none where matplotlib is absent or the setting ``autolog_figures`` is 0.

    A process draws no more once drawing has taken longer than a tenth of its trainings, and than the setting ``autolog_budget_s``.
    """
    _Time.trained_s += duration_s
    if results.labels is None or results.classes is None or settings.value("autolog_figures") == "0":
        return
    if _Time.drawn_s > max(settings.number("autolog_budget_s"), _Time.trained_s / 10):
        say("Autologging draws no more figures: they take too long beside these trainings.", silent=silent)
        return
    started = time.perf_counter()
    _draw(folder, y, results, weight)
    _Time.drawn_s += time.perf_counter() - started


def _draw(folder: Path, y: Any, results: Results, weight: Any) -> None:
    try:
        import matplotlib.figure  # noqa: F401 -- whether it is there
    except ImportError:
        return
    if getattr(results.classes, "ndim", 1) != 1 or getattr(y, "ndim", 1) != 1:
        return
    if len(results.classes) <= _MOST_CLASSES:
        _save(folder / f"{PREFIX}confusion_matrix.png", lambda axes: _confusion(axes, y, results, weight))
    if results.scores is not None and len(results.classes) == 2 and len(set(y)) == 2:
        _save(folder / f"{PREFIX}roc_curve.png", lambda axes: _roc(axes, y, results, weight))
        _save(folder / f"{PREFIX}precision_recall_curve.png", lambda axes: _precision_recall(axes, y, results, weight))


def _save(path: Path, paint: Callable[[Any], Any]) -> None:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.0, 4.0), dpi=_DPI)
    figure.subplots_adjust(left=0.15, right=0.96, top=0.92, bottom=0.15)  # a tight layout would draw everything twice
    paint(figure.subplots())
    figure.savefig(path, format="png")


def _confusion(axes: Any, y: Any, results: Results, weight: Any) -> None:
    from sklearn.metrics import confusion_matrix

    shares = confusion_matrix(y, results.labels, labels=results.classes, sample_weight=weight, normalize="true")
    axes.figure.colorbar(axes.imshow(shares, cmap="Blues", vmin=0.0, vmax=1.0), ax=axes)
    ticks = range(len(results.classes))
    size = min(8.0, 50.0 / len(results.classes))
    axes.set_xticks(ticks, [str(item) for item in results.classes], fontsize=size, rotation=90 if len(results.classes) > 10 else 0)
    axes.set_yticks(ticks, [str(item) for item in results.classes], fontsize=size)
    for row in ticks:
        for column in ticks:
            shade = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, f"{shares[row, column]:.2g}", ha="center", va="center", color=shade, fontsize=size)
    axes.set(title="Normalized confusion matrix", xlabel="Predicted label", ylabel="True label")


def _roc(axes: Any, y: Any, results: Results, weight: Any) -> None:
    from sklearn.metrics import auc, roc_curve

    false, true, _ = roc_curve(y, results.scores, pos_label=results.classes[1], sample_weight=weight)
    axes.plot(false, true, label=f"AUC = {auc(false, true):.2f}")
    axes.plot((0, 1), (0, 1), color="grey", linestyle="--", linewidth=0.8)
    _finish(axes, "ROC curve", ("False positive rate", "True positive rate"), results)


def _precision_recall(axes: Any, y: Any, results: Results, weight: Any) -> None:
    from sklearn.metrics import average_precision_score, precision_recall_curve

    positive = results.classes[1]
    precision, recall, _ = precision_recall_curve(y, results.scores, pos_label=positive, sample_weight=weight)
    average = average_precision_score(y, results.scores, pos_label=positive, sample_weight=weight)
    axes.step(recall, precision, where="post", label=f"AP = {average:.2f}")
    _finish(axes, "Precision recall curve", ("Recall", "Precision"), results)


def _finish(axes: Any, title: str, labels: Tuple[str, str], results: Results) -> None:
    axes.set(title=title, xlabel=f"{labels[0]} (positive label: {results.classes[1]})", ylabel=labels[1], xlim=(0, 1), ylim=(0, 1.02))
    axes.legend()
