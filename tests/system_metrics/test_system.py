"""System metrics as measured: the kernel's counters beside psutil's, processes, and GPUs through a stand-in for the driver's library."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlctl.errors import InvalidValueError, UsageError
from mlctl.system_metrics import linux as system_linux
from mlctl.system_metrics import portable as system_psutil
from mlctl.system_metrics import sampling as system

pytestmark = pytest.mark.engine("linux")

MACHINE = {
    "cpu_utilization_percentage",
    "system_memory_usage_megabytes",
    "system_memory_usage_percentage",
    "disk_usage_percentage",
    "disk_usage_megabytes",
    "disk_available_megabytes",
    "network_receive_megabytes",
    "network_transmit_megabytes",
}
OWN = {"process_cpu_utilization_percentage", "process_memory_usage_megabytes"}
RATES = {"disk_read_megabytes_per_second", "disk_write_megabytes_per_second"}


def sampler(members=None, reaper=None, **environ):
    processes = system.own_processes() if members is None else system.Processes(members, reaper)
    return system.Sampler(processes, folder="/", environ=environ)


def burn(seconds: float) -> None:
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def test_what_a_busy_process_shows():
    measured = sampler()
    burn(0.3)
    found = measured.sample()
    assert found.keys() - RATES == MACHINE | OWN
    assert 0 < found["cpu_utilization_percentage"] <= 100
    assert found["process_cpu_utilization_percentage"] > 1
    assert 0 < found["system_memory_usage_percentage"] < 100
    assert found["process_memory_usage_megabytes"] < found["system_memory_usage_megabytes"]
    assert 0 < found["disk_usage_percentage"] <= 100
    assert found["disk_available_megabytes"] > 0


def test_the_kernels_counters_are_psutils():
    ours, theirs = system_linux.machine(), system_psutil.machine()
    assert ours["memory_total"] == theirs["memory_total"]
    assert abs(ours["memory_used"] - theirs["memory_used"]) < 0.2 * ours["memory_total"]
    assert abs(ours["cpu_total_s"] - theirs["cpu_total_s"]) < 10
    assert 0 < ours["cpu_busy_s"] < ours["cpu_total_s"]
    assert 0 < theirs["cpu_busy_s"] < theirs["cpu_total_s"]
    assert ours["received"] <= theirs["received"] + 10_000_000, "bridges and the like are not counted twice"


def test_processes_are_as_psutil_sees_them():
    burn(0.1)
    ours, theirs = system_linux.processes([os.getpid()], None), system_psutil.processes([os.getpid()], None)
    assert abs(ours["own_cpu_s"] - theirs["own_cpu_s"]) < 0.2
    assert 0.3 * theirs["own_memory"] < ours["own_memory"] <= 1.1 * theirs["own_memory"], "what is shared counts in proportion"


def test_processes_that_are_gone_are_passed_over():
    done = subprocess.Popen(["true"])
    done.wait()
    assert system_linux.processes([done.pid], None) == {}
    assert system_psutil.processes([done.pid], None) == {}
    found = sampler(lambda: [done.pid]).sample()
    assert not found.keys() & OWN
    assert "system_memory_usage_megabytes" in found


def test_a_process_that_has_ended_but_is_not_collected_says_nothing():
    ended = subprocess.Popen(["true"])
    os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
    try:
        assert system_linux.processes([ended.pid], None) == {}
        assert system_linux.processes([ended.pid, os.getpid()], None)["own_memory"] > 1e6
    finally:
        ended.wait()


def test_memory_that_forked_workers_share_counts_once():
    code = (
        "import os, time\nhold = bytearray(200_000_000)\nfor _ in range(3):\n"
        "    if os.fork() == 0:\n        time.sleep(30)\n        os._exit(0)\nprint('ready', flush=True)\ntime.sleep(30)\n"
    )
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert holder.stdout.readline() == b"ready\n"
        found = sampler(lambda: [holder.pid, *_below(holder.pid)]).sample()
        assert 200 < found["process_memory_usage_megabytes"] < 350
    finally:
        os.killpg(holder.pid, 9)
        holder.wait()
        holder.stdout.close()


def _below(pid):
    from mlctl import process

    return process.descendants(pid)


def test_children_that_have_ended_count():
    measured = sampler(lambda: [os.getppid()], reaper=os.getpid())  # any other process, and what this one collects
    subprocess.run([sys.executable, "-c", "import time\nwhile time.process_time() < 0.5: pass"], check=True)
    assert measured.sample()["process_cpu_utilization_percentage"] > 1


def test_the_network_counts_from_the_beginning():
    first = sampler().sample()
    assert 0 <= first["network_receive_megabytes"] < 1000
    assert 0 <= first["network_transmit_megabytes"] < 1000


def test_a_folder_that_is_gone(tmp_path):
    folder = tmp_path / "gone"
    found = system.Sampler(system.own_processes(), folder=str(folder), environ={}).sample()
    assert "disk_usage_megabytes" not in found
    assert "system_memory_usage_megabytes" in found


def test_average():
    samples = [{"cpu": 10.0, "network_receive_megabytes": 1.0}, {"cpu": 20.0, "network_receive_megabytes": 3.0, "gpu": 4.0}]
    assert system.average(samples) == {"cpu": 15.0, "network_receive_megabytes": 3.0, "gpu": 4.0}


@pytest.mark.parametrize(
    ("variable", "value", "error"),
    [
        ("MLCTL_SYSTEM_METRICS_INTERVAL_S", "0", UsageError),
        ("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "often", UsageError),
        ("MLCTL_SYSTEM_METRICS_SAMPLES", "1.5", UsageError),
        ("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "0", UsageError),
        ("MLFLOW_SYSTEM_METRICS_NODE_ID", "node*1", InvalidValueError),
        ("MLCTL_SYSTEM_METRICS_NODE_ID", "..", InvalidValueError),
    ],
)
def test_settings_that_cannot_be(monkeypatch, variable, value, error):
    monkeypatch.setenv(variable, value)
    with pytest.raises(error):
        system.sampling()


def test_settings_under_mlflows_names(monkeypatch):
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "2.5")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_SAMPLES_BEFORE_LOGGING", "3")
    monkeypatch.setenv("MLFLOW_SYSTEM_METRICS_NODE_ID", "node-1")
    assert system.sampling() == system.Sampling(2.5, 3, "node-1")


# ── GPUs ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

PROBE = """
import json, os, sys
from mlctl.system_metrics import gpu as system_gpu
gpus = system_gpu.find(json.loads(sys.argv[1]))
print(json.dumps([gpu.sample([os.getpid()]) for gpu in gpus]))
"""


@pytest.fixture(scope="session")
def nvml(tmp_path_factory):
    """A folder with the stand-in for the driver's library."""
    folder = tmp_path_factory.mktemp("nvml")
    source = Path(__file__).with_name("fake_nvml.c")
    subprocess.run(["cc", "-shared", "-fPIC", "-o", folder / "libnvidia-ml.so.1", source], check=True)
    return folder


@pytest.fixture
def gpus(nvml):
    """What the GPUs of a process with these variables show."""

    def sample(visible, **environ):
        argv = [sys.executable, "-c", PROBE, json.dumps(visible)]
        done = subprocess.run(argv, capture_output=True, text=True, check=True, env={**os.environ, "LD_LIBRARY_PATH": str(nvml), **environ})
        return json.loads(done.stdout)

    return sample


@pytest.mark.engine("cc")
def test_metrics_of_a_gpu(gpus):
    assert gpus({"CUDA_VISIBLE_DEVICES": "1"}) == [
        {
            "gpu_1_memory_usage_megabytes": 2000.0,
            "gpu_1_memory_usage_percentage": 25.0,
            "gpu_1_utilization_percentage": 20,
            "gpu_1_power_usage_watts": 150.0,
            "gpu_1_power_usage_percentage": 50.0,
        }
    ]


@pytest.mark.engine("cc")
def test_what_a_gpu_does_not_tell_is_left_out(gpus):
    (found,) = gpus({"CUDA_VISIBLE_DEVICES": "3"})
    assert set(found) == {"gpu_3_memory_usage_megabytes", "gpu_3_memory_usage_percentage", "gpu_3_utilization_percentage"}


@pytest.mark.engine("cc")
@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("", []),
        ("-1", []),
        ("2,0", [2, 0]),
        ("0,9,1", [0]),
        ("GPU-bbbb", [2]),
        ("GPU-aaaa1,GPU-cccc4444-3", [0, 3]),
        ("GPU-aaaa", []),  # fits two
        ("MIG-GPU-cccc4444-3/1/0", [3]),
        ("0,0", [0]),
        ("nonsense", []),
    ],
)
def test_gpus_that_cuda_visible_devices_names(gpus, named, expected):
    found = gpus({"CUDA_VISIBLE_DEVICES": named})
    assert [int(next(iter(item)).split("_")[1]) for item in found] == expected


@pytest.mark.engine("cc")
def test_without_names_only_gpus_that_the_run_computes_on_count(nvml, gpus):
    assert [item for item in gpus({}) if item] == []
    found = system_gpu_of_a_process_that_computes(nvml)
    assert [bool(item) for item in found] == [False, True, False, False]


def system_gpu_of_a_process_that_computes(nvml):
    line = f'FAKE_NVML_PID=$$ exec {sys.executable} -c "$0" "{{}}"'  # exec keeps the process id
    environ = {**os.environ, "LD_LIBRARY_PATH": str(nvml)}
    return json.loads(subprocess.run(["sh", "-c", line, PROBE], capture_output=True, text=True, check=True, env=environ).stdout)


@pytest.mark.engine("cc")
def test_in_a_container_all_gpus_are_the_runs(gpus):
    assert [bool(item) for item in gpus({"NVIDIA_VISIBLE_DEVICES": "all"})] == [True] * 4


@pytest.mark.engine("cc")
def test_a_driver_that_does_not_work(gpus):
    assert gpus({"CUDA_VISIBLE_DEVICES": "0"}, FAKE_NVML_BROKEN="1") == []
