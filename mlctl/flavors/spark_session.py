"""Spark models as pyfunc: frames go in and come back through a session of Spark."""

from typing import Any, Mapping, Optional


def active() -> Any:
    """The session of Spark that this process has; None if there is none."""
    from pyspark.sql import SparkSession

    return SparkSession.getActiveSession()


def active_or_local() -> Any:
    """The session of Spark that this process has, or one on this machine, with one thread."""
    from pyspark.sql import SparkSession

    return active() or SparkSession.builder.config("spark.driver.host", "127.0.0.1").master("local[1]").getOrCreate()


class Predictor:
    """A Spark model as pyfunc."""

    def __init__(self, model: Any) -> None:
        self._model = model
        self._spark = active_or_local()

    def get_raw_model(self) -> Any:
        """The model itself."""
        return self._model

    def predict(self, data: Any, params: Optional[Mapping[str, Any]] = None) -> Any:
        """The model's column ``prediction`` for a frame, as a list."""
        rows = name_prediction(self._model, _with_vectors(self._spark.createDataFrame(data), self._model))
        return [row.prediction for row in self._model.transform(name_prediction(self._model, rows)).select("prediction").collect()]


def name_prediction(model: Any, rows: Any) -> Any:
    """Have a model, which is changed, name its output ``prediction`` if it names it otherwise; returns the rows."""
    last = model.stages[-1] if getattr(model, "stages", None) else None
    if last is not None and last.hasParam("outputCol") and "prediction" not in model.transform(rows.limit(0)).columns:
        last.setOutputCol("prediction")
    return rows


def _with_vectors(rows: Any, model: Any) -> Any:
    """Arrays of numbers in the column of features, as the vectors that Spark's models take."""
    from pyspark.ml.functions import array_to_vector
    from pyspark.sql.types import ArrayType, DoubleType

    stage = model.stages[-1] if getattr(model, "stages", None) else model
    if not stage.hasParam("featuresCol"):
        return rows
    name = stage.getOrDefault(stage.featuresCol)
    is_array = any(item.name == name and isinstance(item.dataType, ArrayType) for item in rows.schema.fields)
    is_array = is_array and isinstance(rows.schema[name].dataType.elementType, DoubleType)
    return rows.withColumn(name, array_to_vector(name)) if is_array else rows
