"""`studies schema`."""

import argparse
import json

from studies.language.schema import schema


def main(arguments: argparse.Namespace) -> int:
    """Print the JSON Schema of study files."""
    print(json.dumps(schema(), indent=1))
    return 0
