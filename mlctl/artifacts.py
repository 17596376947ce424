"""`mlctl.artifacts`: reading the files of runs, with MLflow's names and arguments."""

from mlctl.files.addresses import download_artifacts, list_artifacts, load_dict, load_image, load_text

__all__ = ["download_artifacts", "list_artifacts", "load_dict", "load_image", "load_text"]
