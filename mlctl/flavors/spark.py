"""Models of Spark's ML library: pipelines, as Spark saves them."""

import os
import uuid
from typing import Any, Dict, List, Mapping, Optional, Sequence

from mlctl.errors import InvalidValueError
from mlctl.flavors import framework, spark_session
from mlctl.models import loading
from mlctl.models.model import Model, ModelInfo

FLAVOR_NAME = "spark"
_DATA = "sparkml"


def get_default_pip_requirements() -> List[str]:
    """What every model of this flavor needs."""
    return framework.pinned("pyspark")


def get_default_conda_env() -> Dict[str, Any]:
    """The conda environment of `get_default_pip_requirements`."""
    return framework.conda_env(get_default_pip_requirements())


def save_model(
    spark_model: Any,
    path: Any,
    mlflow_model: Optional[Model] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    dfs_tmpdir: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    **kwargs: Any,
) -> None:
    """Save a model to a new folder, as a pipeline of one stage if it is none.

    ``dfs_tmpdir`` is a folder that all of Spark's machines reach: the model passes through it. Without one, Spark writes where it runs.

    Raises:
        ExistsError: there is something at the path already.
        InvalidValueError: an argument is not acceptable, or it is no model that Spark can write.
    """
    given = locals()
    import pyspark
    from pyspark.ml import PipelineModel
    from pyspark.ml.util import MLReadable, MLWritable

    if not isinstance(spark_model, (MLReadable, MLWritable)):
        raise InvalidValueError(f"A {type(spark_model).__name__} is no model that Spark can write.", hint="Give a fitted pipeline.")
    pipeline = spark_model if isinstance(spark_model, PipelineModel) else PipelineModel([spark_model])
    draft = framework.begin(given)
    predictor = spark_session.Predictor(pipeline.copy())
    draft.describe(predictor.predict)
    _write(pipeline, str(draft.folder / _DATA), dfs_tmpdir)
    kind = type(pipeline)
    draft.model.add_flavor(
        FLAVOR_NAME,
        pyspark_version=pyspark.__version__,
        model_data=_DATA,
        code=draft.code,
        model_class=f"{kind.__module__}.{kind.__qualname__}",
    )
    draft.add_pyfunc("mlflow.spark", data=_DATA)
    framework.finish(draft, given, distributions=["pyspark", "pandas"])


def _write(pipeline: Any, target: str, shared: Optional[str]) -> None:
    """Have Spark write a pipeline, and bring it to this machine if it was written elsewhere."""
    if shared is None:
        pipeline.write().overwrite().save(_local(target))
        return
    from pyspark import SparkContext

    context = SparkContext.getOrCreate()
    there = f"{shared.rstrip('/')}/{uuid.uuid4()}"
    pipeline.save(there)
    jvm = context._gateway.jvm
    hadoop = jvm.org.apache.hadoop.fs.Path
    hadoop(there).getFileSystem(context._jsc.hadoopConfiguration()).copyToLocalFile(True, hadoop(there), hadoop(_local(target)))


def _local(path: str) -> str:
    return f"file://{os.path.abspath(path)}"  # noqa: PTH100 -- Spark's default may be a file system of its own


def log_model(
    spark_model: Any,
    artifact_path: Optional[str] = None,
    conda_env: Any = None,
    code_paths: Optional[Sequence[str]] = None,
    dfs_tmpdir: Optional[str] = None,
    registered_model_name: Optional[str] = None,
    signature: Any = None,
    input_example: Any = None,
    await_registration_for: Optional[int] = 300,
    pip_requirements: Any = None,
    extra_pip_requirements: Any = None,
    metadata: Optional[Dict[str, Any]] = None,
    name: Optional[str] = None,
    params: Optional[Mapping[str, Any]] = None,
    tags: Optional[Mapping[str, Any]] = None,
    model_type: Optional[str] = None,
    step: int = 0,
    model_id: Optional[str] = None,
    **kwargs: Any,
) -> ModelInfo:
    """Log a model of Spark; see `save_model` and `mlctl.models.Model.log`."""
    return framework.log(save_model, locals())


def load_model(model_uri: str, dfs_tmpdir: Optional[str] = None, dst_path: Optional[str] = None) -> Any:
    """The pipeline at an address; ``dfs_tmpdir`` is a folder that all of Spark's machines reach, if they do not share this one's files.

    Raises:
        InvalidValueError: it has no such flavor.
        NotFoundError: there is no such model.
    """
    return _read(loading.find(model_uri, FLAVOR_NAME, dst_path), dfs_tmpdir)


def _read(found: loading.Found, shared: Optional[str] = None) -> Any:
    from pyspark.ml import PipelineModel

    spark = spark_session.active_or_local()
    where = _local(loading.file_of(found, "model_data", "data"))
    if shared is not None:
        context = spark.sparkContext
        there = f"{shared.rstrip('/')}/{uuid.uuid4()}"
        hadoop = context._gateway.jvm.org.apache.hadoop.fs.Path
        hadoop(there).getFileSystem(context._jsc.hadoopConfiguration()).copyFromLocalFile(hadoop(where), hadoop(there))
        where = there
    return PipelineModel.load(where)


def _load_pyfunc(path: str, model_config: Optional[Dict[str, Any]] = None) -> spark_session.Predictor:
    return spark_session.Predictor(_read(framework.opened(path, FLAVOR_NAME)))
