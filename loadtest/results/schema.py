"""Writes the published schema of report.json.

python -m loadtest.results.schema docs/loadtest-report.schema.json
"""

import json
import sys
from pathlib import Path

from loadtest.results.report import schema

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(json.dumps(schema(), indent=2, ensure_ascii=False) + "\n")
