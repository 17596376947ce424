"""Types that models of scikit-learn are made of, which skops does not trust by itself, and which run nothing that a file could choose.

A name is trusted as a whole: modules of numpy or scikit-learn also hold functions that run code, and a model's own list of types comes from
whoever made the model. A type stands here if its instances hold numbers and other trusted objects only. (A forged tree may still crash the
process: scikit-learn follows the indices of its nodes without looking.)
"""

from typing import FrozenSet


def _in(module: str, names: str) -> FrozenSet[str]:
    return frozenset(f"{module}.{name}" for name in names.split())


_KERNELS = (
    "CompoundKernel ConstantKernel DotProduct Exponentiation ExpSineSquared Matern PairwiseKernel Product RationalQuadratic RBF Sum "
    "WhiteKernel"
)
_FOLDS = (
    "GroupKFold GroupShuffleSplit KFold LeaveOneGroupOut LeaveOneOut RepeatedKFold RepeatedStratifiedKFold ShuffleSplit "
    "StratifiedGroupKFold StratifiedKFold StratifiedShuffleSplit TimeSeriesSplit"
)
_DISTANCES = "Chebyshev Euclidean Manhattan Minkowski"

HARMLESS: FrozenSet[str] = frozenset().union(
    {"collections.OrderedDict", "numpy.dtype", "scipy.interpolate._bsplines.BSpline", "sklearn.utils._bunch.Bunch"},
    _in("sklearn._loss.loss", "HalfTweedieLoss HalfTweedieLossIdentity"),
    _in("sklearn.calibration", "_CalibratedClassifier _SigmoidCalibration _TemperatureScaling"),
    _in("sklearn.ensemble._hist_gradient_boosting.predictor", "TreePredictor"),
    _in("sklearn.gaussian_process._gpc", "_BinaryGaussianProcessClassifierLaplace"),
    _in("sklearn.gaussian_process.kernels", _KERNELS),
    _in("sklearn.impute._iterative", "IterativeImputer _ImputerTriplet"),
    _in("sklearn.metrics._dist_metrics", " ".join(f"{name}Distance{bits}" for name in _DISTANCES.split() for bits in (32, 64))),
    _in("sklearn.metrics._scorer", "_PassthroughScorer"),
    _in("sklearn.model_selection._split", _FOLDS),
    _in("sklearn.neighbors._ball_tree", "BallTree BallTree32 BallTree64"),
    _in("sklearn.neighbors._kd_tree", "KDTree KDTree32 KDTree64"),
    _in("sklearn.neural_network._stochastic_optimizers", "AdamOptimizer SGDOptimizer"),
    _in("sklearn.tree._tree", "Tree"),
)
