"""Whether higher or lower is better for a metric: what its name says, and what the user says."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING

from mlctl.errors import NotFoundError, UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mlctl.tracking.entities import Run


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_HIGHER = _words(
    "acc accuracy ap auc aupr auprc auroc bleu correlation dice elbo f1 fbeta hit hits iou jaccard kappa likelihood "
    "map mcc miou mrr ndcg pearson precision psnr r2 recall return reward rouge score sensitivity spearman "
    "specificity ssim top1 top5"
)
_LOWER = _words(
    "brier cer deviance eer err error fid hinge logloss loss mae mape mdape mse msle nll perplexity ppl regret rmse rmsle rmspe smape wer"
)
_NEITHER = _words("count epoch epochs iteration iterations lr min max n samples std step steps time")


def asked(runs: Sequence[Run], lower: Sequence[str], higher: Sequence[str]) -> dict[str, bool]:
    """Whether higher is better, for the metrics that the user says it of.

    Raises:
        NotFoundError: no run has such a metric.
        UsageError: it is said to be both.
    """
    known = {key for run in runs for key in run.data.metrics}
    found: dict[str, bool] = {}
    for text, better in [*((text, False) for text in lower), *((text, True) for text in higher)]:
        key = text if text in known else text.removeprefix("metrics.")
        if key not in known:
            close = difflib.get_close_matches(key, known, n=3) or sorted(known)[:6]
            raise NotFoundError(f"None of the runs has a metric {key!r}.", hint=f"They have: {', '.join(close)}." if close else "")
        if found.get(key, better) != better:
            raise UsageError(f"Of {key!r} either lower or higher is better.", hint="Give one of --lower and --higher.")
        found[key] = better
    return found


def higher_is_better(key: str) -> bool | None:
    """What a metric's name says; the last word that says anything counts, and ``neg`` turns it round. None: nothing."""
    words = re.findall(r"[a-z]+\d*|\d+", re.sub(r"([a-z])([A-Z])", r"\1_\2", key).lower())
    said = [word for word in words if word in _HIGHER or word in _LOWER or word in _NEITHER]
    if not said or said[-1] in _NEITHER:
        return None
    return (said[-1] in _HIGHER) != bool({"neg", "negative"} & set(words))
