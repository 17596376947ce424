"""Autologging of boosters and networks beside MLflow's: the same trainings under both, and what their runs hold is compared."""

import pytest
from flavor_runs import differences, trained


@pytest.mark.engine("flavors")
def test_boosters(tmp_path):
    ours = trained("boosting_trainings.py", "mlctl", tmp_path / "ours", engine="MLCTL_FLAVORS")
    theirs = trained("boosting_trainings.py", "mlflow", tmp_path / "theirs", engine="MLCTL_FLAVORS")
    assert len(theirs) == 9
    assert all(len(runs) == 1 for runs in theirs.values())
    # MLflow logs params in the background, and those of a training that fails may be lost
    assert not [item for item in differences(theirs, ours) if not (item[0][0] == "xgboost_failing" and item[1] is None)]


@pytest.mark.engine("flavors-heavy")
@pytest.mark.timeout(600)
def test_networks(tmp_path):
    ours = trained("network_trainings.py", "mlctl", tmp_path / "ours", engine="MLCTL_FLAVORS_HEAVY")
    theirs = trained("network_trainings.py", "mlflow", tmp_path / "theirs", engine="MLCTL_FLAVORS_HEAVY")
    assert len(theirs) == 4
    for name in ("validation_loss", "validation_mae"):  # MLflow logs each epoch's at step 0
        for runs in (theirs, ours):
            points = runs["keras_validation"][0]["metrics"][name]
            runs["keras_validation"][0]["metrics"][name] = sorted(value for _, value in points)
    assert not differences(theirs, ours)
