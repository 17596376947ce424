"""``mlctl.sklearn``, as MLflow has it: autologging of scikit-learn."""

from mlctl.autologging.sklearn import autolog

__all__ = ["autolog"]
