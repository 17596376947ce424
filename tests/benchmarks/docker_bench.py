"""Docker projects: `mlctl run` of one beside bare `docker run` of its image, and beside `mlflow run` of the same project.

The goal of the project's issue on containers: at most 0.4 s over the bare command. Needs an engine and `MLCTL_DOCKER_IMAGE`.
"""

import os
import shutil


def measure(mlctl, mlflow, folder, env, *, repeat, tools):
    """The rows; none where there is no engine. ``tools`` has the benchmark's own ``paired`` and ``row``."""
    image = os.environ.get("MLCTL_DOCKER_IMAGE")
    if not image or not shutil.which("docker"):
        return []
    folder.mkdir(parents=True)
    (folder / "MLproject").write_text(f"name: noop\ndocker_env: {{image: '{image}'}}\nentry_points: {{main: {{command: 'true'}}}}\n")
    ours_env = {**env, "MLCTL_CACHE_DIR": str(folder / "cache")}
    theirs_env = {**env, "PATH": f"{mlflow / 'bin'}{os.pathsep}{env['PATH']}", "MLFLOW_TRACKING_URI": f"sqlite:///{folder / 'mlflow.db'}"}
    ours = [mlctl / "bin" / "mlctl", "run", "."]
    pairs = [
        ("run of a docker project, beside bare docker run", ["docker", "run", "--rm", image, "true"], env),
        ("… beside MLflow", [mlflow / "bin" / "mlflow", "run", "."], theirs_env),
    ]
    return [
        tools.row(what, *tools.paired(ours, theirs, ours_env, repeat, cwd=folder, env_b=environment)) for what, theirs, environment in pairs
    ]
