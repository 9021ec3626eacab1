"""`studies schema`."""

import argparse
import json

from studies.study_file import StudyFile


def main(arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of a study file."""
    print(json.dumps(StudyFile.model_json_schema(), indent=1))
    return 0
