"""Options of ``docker run``, by their names there, as arguments of the SDK's ``containers.create``."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from mlctl.errors import EnvError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

TEXT, NUMBER, FLAG, LIST, PAIRS = "text", "number", "flag", "list", "pairs"


class Option(NamedTuple):
    """An option: the SDK's argument, and what kind of value it has. ``convert`` makes the argument of the text."""

    argument: str
    kind: str = TEXT
    convert: Callable[[str], Any] | None = None


def _gpus(text: str) -> dict[str, Any]:
    """``all``, a count, or ``device=0,1``, as the engine's request for devices."""
    request: dict[str, Any] = {"Driver": "", "Count": 0, "Capabilities": [["gpu"]], "Options": {}}
    if text == "all":
        return {**request, "Count": -1}
    if text.isdigit():
        return {**request, "Count": int(text)}
    devices = text.strip("\"'").removeprefix("device=")
    return {**request, "DeviceIDs": [name for name in devices.split(",") if name]}


def _ulimit(text: str) -> dict[str, Any]:
    name, _, limits = text.partition("=")
    soft, _, hard = limits.partition(":")
    return {"Name": name, "Soft": int(soft), "Hard": int(hard or soft)}


def _port(text: str) -> tuple[str, Any]:
    """``[IP:][HOST:]CONTAINER[/PROTOCOL]``."""
    *before, inside = text.split(":")
    if not before:
        return inside, None
    port = int(before[-1]) if before[-1] else None
    return inside, (":".join(before[:-1]), port) if len(before) > 1 else port


def _mapped_host(text: str) -> tuple[str, str]:
    name, _, address = text.partition("=" if "=" in text else ":")
    return name, address


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _tmpfs(text: str) -> tuple[str, str]:
    path, _, options = text.partition(":")
    return path, options


OPTIONS: dict[str, Option] = {
    "add-host": Option("extra_hosts", PAIRS, _mapped_host),
    "cap-add": Option("cap_add", LIST),
    "cap-drop": Option("cap_drop", LIST),
    "cgroup-parent": Option("cgroup_parent"),
    "cgroupns": Option("cgroupns"),
    "cpu-period": Option("cpu_period", NUMBER),
    "cpu-quota": Option("cpu_quota", NUMBER),
    "cpu-shares": Option("cpu_shares", NUMBER),
    "cpus": Option("nano_cpus", TEXT, lambda text: round(float(text) * 1e9)),
    "cpuset-cpus": Option("cpuset_cpus"),
    "cpuset-mems": Option("cpuset_mems"),
    "device": Option("devices", LIST),
    "device-cgroup-rule": Option("device_cgroup_rules", LIST),
    "dns": Option("dns", LIST),
    "dns-option": Option("dns_opt", LIST),
    "dns-search": Option("dns_search", LIST),
    "domainname": Option("domainname"),
    "entrypoint": Option("entrypoint"),
    "gpus": Option("device_requests", LIST, _gpus),
    "group-add": Option("group_add", LIST),
    "hostname": Option("hostname"),
    "init": Option("init", FLAG),
    "ipc": Option("ipc_mode"),
    "isolation": Option("isolation"),
    "label": Option("labels", PAIRS, _pair),
    "mac-address": Option("mac_address"),
    "memory": Option("mem_limit"),
    "memory-reservation": Option("mem_reservation"),
    "memory-swap": Option("memswap_limit"),
    "memory-swappiness": Option("mem_swappiness", NUMBER),
    "name": Option("name"),
    "network": Option("network"),
    "oom-kill-disable": Option("oom_kill_disable", FLAG),
    "oom-score-adj": Option("oom_score_adj", NUMBER),
    "pid": Option("pid_mode"),
    "pids-limit": Option("pids_limit", NUMBER),
    "platform": Option("platform"),
    "privileged": Option("privileged", FLAG),
    "publish": Option("ports", PAIRS, _port),
    "publish-all": Option("publish_all_ports", FLAG),
    "read-only": Option("read_only", FLAG),
    "runtime": Option("runtime"),
    "security-opt": Option("security_opt", LIST),
    "shm-size": Option("shm_size"),
    "stop-signal": Option("stop_signal"),
    "storage-opt": Option("storage_opt", PAIRS, _pair),
    "sysctl": Option("sysctls", PAIRS, _pair),
    "tmpfs": Option("tmpfs", PAIRS, _tmpfs),
    "tty": Option("tty", FLAG),
    "ulimit": Option("ulimits", LIST, _ulimit),
    "user": Option("user"),
    "userns": Option("userns_mode"),
    "uts": Option("uts_mode"),
    "volume-driver": Option("volume_driver"),
    "volumes-from": Option("volumes_from", LIST),
    "workdir": Option("working_dir"),
}
_SHORT = {
    "c": "cpu-shares",
    "e": "env",
    "h": "hostname",
    "i": "interactive",
    "l": "label",
    "m": "memory",
    "p": "publish",
    "P": "publish-all",
}
_SHORT |= {"t": "tty", "u": "user", "v": "volume", "w": "workdir", "d": "detach", "q": "quiet", "net": "network", "dns-opt": "dns-option"}
_OF_MLCTL = {
    "rm": "the container is always removed",
    "quiet": "mlctl tells what it does on its own",
    "interactive": "a job has no input",
    "detach": "`mlctl run --detach` is that",
    "restart": "a job runs once",
    "sig-proxy": "signals always reach the job",
    "pull": "an image that is not here is pulled",
}
_FLAGS = {"interactive", "detach", "rm", "quiet", *(name for name, option in OPTIONS.items() if option.kind == FLAG)}


@dataclass
class Collected:
    """Options as arguments; volumes and environment are a matter of their own."""

    arguments: dict[str, Any] = field(default_factory=dict)
    volumes: list[str] = field(default_factory=list)
    environment: list[tuple[str, str | None]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def pairs(words: Sequence[str]) -> Iterator[tuple[str, str | None]]:
    """Names and values of options as they stand on a command line."""
    left = list(words)
    while left:
        word = left.pop(0)
        if not word.startswith("-"):
            raise EnvError(f"docker_env: run_args has {word!r} where an option of `docker run` should be.", hint="Write [--memory=2g]")
        name, equals, value = word.lstrip("-").partition("=")
        if equals:
            yield name, value
        elif not word.startswith("--") and len(name) > 1 and name not in _SHORT:
            yield from ((letter, None) for letter in name)  # -it
        elif _SHORT.get(name, name) in _FLAGS or not left:
            yield name, None
        else:
            yield name, left.pop(0)


def collect(given: Iterable[tuple[str, str | None]]) -> Collected:
    """Options by name, with their values (None: a flag); of one that is given twice the last counts, unless it is a list.

    Raises:
        EnvError: there is no such option, or its value is wrong.
    """
    found = Collected()
    for written, value in given:
        name = _SHORT.get(written, written)
        if name in ("volume", "env") and value:
            _add_own(found, name, value)
        elif name in _OF_MLCTL:
            found.notes.append(f"docker's option {name} is not used: {_OF_MLCTL[name]}")
        elif name in OPTIONS:
            _add(found.arguments, name, value)
        else:
            raise _unknown(written)
    return found


def _add_own(found: Collected, name: str, value: str) -> None:
    if name == "volume":
        found.volumes.append(value)
        return
    key, equals, text = value.partition("=")
    found.environment.append((key, text if equals else None))


def _add(arguments: dict[str, Any], name: str, value: str | None) -> None:
    option = OPTIONS[name]
    if option.kind == FLAG:
        arguments[option.argument] = value is None or value.lower() in ("true", "1", "yes")
        return
    if value is None:
        raise EnvError(f"docker's option {name} needs a value.", hint=f"-A {name}=VALUE")
    try:
        made: Any = int(value) if option.kind == NUMBER else option.convert(value) if option.convert else value
    except ValueError:
        raise EnvError(f"docker's option {name} cannot be {value!r}.", hint=f"`docker run --help` says what --{name} takes.") from None
    if option.kind == LIST:
        arguments[option.argument] = [*arguments.get(option.argument, ()), made]
    elif option.kind == PAIRS:
        arguments[option.argument] = {**arguments.get(option.argument, {}), made[0]: made[1]}
    else:
        arguments[option.argument] = made


def _unknown(name: str) -> EnvError:
    near = difflib.get_close_matches(name, [*OPTIONS, "volume", "env"], n=1)
    hint = f"Did you mean {near[0]}?" if near else "Options are named as for `docker run`, without dashes: -A gpus=all -A memory=2g"
    return EnvError(f"docker has no option {name!r} that mlctl knows.", hint=hint)
