"""What is logged of one training of scikit-learn."""

import copy
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Mapping, Optional, Tuple

from mlctl.autologging import (
    sklearn_data,
    sklearn_estimators,
    sklearn_evaluation,
    sklearn_figures,
    sklearn_metrics,
    sklearn_model,
    sklearn_search,
)
from mlctl.autologging.notices import guard, quiet
from mlctl.autologging.trainings import log
from mlctl.tracking.fluent_active import store_of

if TYPE_CHECKING:
    from mlctl.autologging.options import SklearnOptions
    from mlctl.tracking.entities import Dataset

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head><meta charset="utf-8"><title>{title}</title></head>
<body>
{body}
</body>
</html>
"""


class Training:
    """One call of ``fit``, ``fit_transform`` or ``fit_predict``; a `mlctl.autologging.trainings.Recorder`."""

    def __init__(self, options: "SklearnOptions", estimator: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> None:
        self._options = options
        self._estimator = estimator
        self._dataset: Optional[Dataset] = None
        self._is_search = sklearn_estimators.is_search(estimator)
        self._params: Dict[str, Any] = estimator.get_params(deep=not self._is_search)
        self._x, self._y, self._weight = _data(estimator, args, kwargs)
        if _may_overwrite(self._params):
            self._x = copy.deepcopy(self._x)

    def before(self, run_id: str) -> None:
        """Params, which estimator it is, and the data: a training that fails has them too."""
        log(run_id, params=self._params, tags=sklearn_estimators.tags(self._estimator), silent=self._options.silent)
        if self._options.log_datasets:
            with self._guard("describe the data of a training"):
                self._dataset = sklearn_data.describe(self._x, self._y)
                sklearn_data.link(run_id, self._dataset, "train")

    def after(self, run_id: str, result: Any, duration_s: float) -> None:  # noqa: ARG002 -- what fit returns is the estimator itself
        """Metrics, files, and what later evaluations need to know."""
        with quiet:
            results = self._measure(duration_s)
            log(run_id, metrics=results.metrics, silent=self._options.silent)
            if self._is_search:
                with self._guard("log a search"):
                    sklearn_search.log_search(self._estimator, run_id, self._options, dataset=self._dataset)
            with self._guard("keep files of a training"):
                self._keep_files(run_id, results, duration_s)
            with self._guard("log a trained model"):
                sklearn_model.log(run_id, self._estimator, self._x, options=self._options, is_search=self._is_search)
        if self._options.log_post_training_metrics:
            sklearn_evaluation.register(self._estimator, run_id, self._options)

    def _measure(self, duration_s: float) -> sklearn_metrics.Results:
        found = sklearn_metrics.Results()
        data = (self._estimator, self._x, self._y)
        with self._guard(f"compute metrics of {type(self._estimator).__name__}"):
            if self._y is not None and sklearn_metrics.is_affordable(*data[:2], duration_s=duration_s, silent=self._options.silent):
                sklearn_metrics.measure(found, *data, weight=self._weight, pos_label=self._options.pos_label)
        return found

    def _keep_files(self, run_id: str, results: sklearn_metrics.Results, duration_s: float) -> None:
        store = store_of(run_id)
        with tempfile.TemporaryDirectory(prefix="mlctl-") as folder:
            _write_page(Path(folder), self._estimator)
            with self._guard("draw figures of a training"):
                sklearn_figures.draw(
                    Path(folder), self._y, results, weight=self._weight, duration_s=duration_s, silent=self._options.silent
                )
            if self._is_search:
                with self._guard("keep the table of a search"):
                    sklearn_search.write_table(Path(folder), self._estimator)
            store.artifacts(store.get_run(run_id).info).put_folder(folder)

    def _guard(self, what: str) -> Any:
        return guard(what, silent=self._options.silent)


def _data(estimator: Any, args: Tuple[Any, ...], kwargs: Mapping[str, Any]) -> Tuple[Any, Any, Any]:
    """The data, targets and weights of a call; their names are those of the estimator's ``fit`` (most often X, y and sample_weight)."""
    import inspect

    names: List[str] = list(inspect.signature(estimator.fit).parameters)
    given = {**dict(zip(names, args)), **kwargs}
    x, y = ([*names, "", ""])[:2]
    return given.get(x), given.get(y), given.get("sample_weight") if "sample_weight" in names else None


def _may_overwrite(params: Mapping[str, Any]) -> bool:
    """Whether a param (``copy``, ``copy_X``, …) lets the training work in the caller's data: metrics need it as it was."""
    return any("copy" in name.rpartition("__")[2].lower() and value is False for name, value in params.items())


def _write_page(folder: Path, estimator: Any) -> None:
    from sklearn.utils import estimator_html_repr

    text = _PAGE.format(title=type(estimator).__name__, body=estimator_html_repr(estimator))
    (folder / "estimator.html").write_text(text, encoding="utf-8")
