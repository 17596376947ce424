"""Makes the same calls with one module or the other and writes what each gave, as JSON: MODULE ADDRESS FILE."""

import json
import logging
import warnings
from pathlib import Path

import calls

logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

import cases_entities  # noqa: E402, F401 -- importing a file adds its cases
import cases_experiments  # noqa: E402, F401
import cases_files  # noqa: E402, F401
import cases_logging  # noqa: E402, F401
import cases_runs  # noqa: E402, F401
import cases_searches  # noqa: E402, F401

Path(calls.TARGET).write_text(json.dumps({label: calls.answer(label) for label in calls.CASES}, indent=1))
