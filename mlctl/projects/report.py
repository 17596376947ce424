"""Where findings are gathered while a file is read, so that all of them are told at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mlctl.errors import ProjectError
from mlctl.projects.entities import ERROR, WARNING, Finding

if TYPE_CHECKING:
    from mlctl.projects.document import Place


class Report:
    """Findings of one project. A rejection keeps the file from loading; an error keeps one entry point from running."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.findings: list[Finding] = []
        self.rejections: list[Finding] = []

    def reject(self, place: Place, message: str, *, hint: str = "") -> None:
        """Note what MLflow, too, refuses to load."""
        self.add_rejection(Finding(ERROR, message, line=place.line, key=place.path, hint=hint))

    def add_rejection(self, finding: Finding) -> None:
        """Note a finding that keeps the file from loading."""
        self.rejections.append(replace(finding, file=finding.file or self.file))

    def error(self, place: Place, message: str, *, hint: str = "", line: int = 0) -> None:
        """Note what will keep an entry point from running."""
        self.findings.append(Finding(ERROR, message, file=self.file, line=line or place.line, key=place.path, hint=hint))

    def warn(self, place: Place, message: str, *, hint: str = "", line: int = 0) -> None:
        """Note what works, but probably not as meant."""
        self.findings.append(Finding(WARNING, message, file=self.file, line=line or place.line, key=place.path, hint=hint))

    def all(self) -> tuple[Finding, ...]:
        """Every finding, in the order of the file."""
        return tuple(sorted((*self.rejections, *self.findings), key=lambda finding: finding.line))

    def raise_rejections(self) -> None:
        """Raise what keeps the file from loading, if anything does.

        Raises:
            ProjectError: with each rejection's file, line and key.
        """
        if len(self.rejections) == 1:
            raise ProjectError(str(self.rejections[0]), hint=self.rejections[0].hint)
        if self.rejections:
            raise ProjectError("\n".join(f"{found} {found.hint}".rstrip() for found in self.rejections))
