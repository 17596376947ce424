"""``mlctl project``: look at an MLproject file, and check it. `project_init` makes one."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from mlctl import render, settings
from mlctl.projects import kinds, source, spec

app = typer.Typer(rich_markup_mode=None, add_completion=False, no_args_is_help=True)

Uri = Annotated[str, typer.Argument(metavar="URI", help="A folder, a git repository or a zip file; #sub/dir names a folder inside.")]
Version = Annotated[str | None, typer.Option("--version", "-v", metavar="VERSION", help="Branch, tag or commit of a git project.")]


@app.command("show")
def show(uri: Uri = ".", version: Version = None) -> render.Result:
    """Show a project's entry points, their parameters, and its environment."""
    found = source.resolve(uri, version=version, tell=render.tell, cache=settings.cache_dir())
    project = spec.load(found.folder)
    notes = [str(finding) for finding in project.findings]
    return render.Result(_data(project, found), text="\n".join(_lines(project, found)), notes=notes, ids=list(project.entry_points))


@app.command("check")
def check(uri: Uri = ".", version: Version = None) -> render.Result:
    """Check a project and report everything that is wrong with it at once; exit code 1 if there is an error."""
    found = source.resolve(uri, version=version, tell=render.tell, cache=settings.cache_dir())
    findings = spec.check(found.folder)
    errors = sum(finding.level == "error" for finding in findings)
    data = [
        {"level": item.level, "file": item.file, "line": item.line, "key": item.key, "message": item.message, "hint": item.hint}
        for item in findings
    ]
    lines = [_finding(item) for item in findings]
    lines.append(f"{errors} errors, {len(findings) - errors} warnings" if findings else "No findings.")
    return render.Result(data, text="\n".join(lines), table=None, exit_code=1 if errors else 0)


def _finding(item: spec.Finding) -> str:
    place = f"{item.file or 'MLproject'}:{item.line}: " if item.line else f"{item.file or 'MLproject'}: "
    return f"{place}{item.level}: {item.message}" + (f"\n    {item.hint}" if item.hint else "")


def _data(project: spec.Project, found: source.Source) -> dict[str, Any]:
    return {
        "name": project.name,
        "folder": str(project.folder),
        "source": found.uri,
        "commit": found.commit,
        "environment": {"kind": project.env.kind, "file": str(project.env.file) if project.env.file else None, **project.env.options},
        "entry_points": [_entry_data(entry) for entry in project.entry_points.values()],
    }


def _entry_data(entry: spec.EntryPoint) -> dict[str, Any]:
    parameters = [
        {
            "name": item.name,
            "type": item.type,
            "required": item.required,
            "default": None if item.required else kinds.text_of(item.default),
            "description": item.description,
            "choices": [str(choice) for choice in item.choices],
            "min": item.minimum,
            "max": item.maximum,
        }
        for item in entry.parameters.values()
    ]
    return {"name": entry.name, "command": entry.command, "parameters": parameters}


def _lines(project: spec.Project, found: source.Source) -> list[str]:
    env = project.env
    where = f" ({env.file})" if env.file else ""
    lines = [
        f"{'project':<12} {project.name or '(no name)'}",
        f"{'folder':<12} {project.folder}",
        *([f"{'commit':<12} {found.commit}"] if found.commit else []),
        f"{'environment':<12} {env.kind}{where}",
    ]
    for entry in project.entry_points.values():
        lines += ["", f"entry point {entry.name}", f"  command  {entry.command}"]
        lines += [_parameter(item) for item in entry.parameters.values()]
    return lines


def _parameter(item: spec.Parameter) -> str:
    bounds = [f"min {item.minimum:g}"] if item.minimum is not None else []
    bounds += [f"max {item.maximum:g}"] if item.maximum is not None else []
    bounds += [f"one of {', '.join(map(str, item.choices))}"] if item.choices else []
    what = "required" if item.required else f"default {kinds.text_of(item.default)}"
    facts = ", ".join([item.type, what, *bounds])
    return f"  -P {item.name}=…  ({facts})" + (f"  {item.description}" if item.description else "")
