"""`studies list`."""

import argparse
import json

from searchspace import presets
from studies.language.catalog import names as study_names
from studies.language.resolve import load_study
from studies.language.scale_file import load_scale
from studies.language.scale_file import names as scale_names


def main(arguments: argparse.Namespace) -> int:
    """Print the studies, scales and presets."""
    studies = [load_study(name) for name in study_names()]
    scales = [load_scale(name) for name in scale_names()]
    if arguments.json:
        content = {
            "studies": [
                {
                    "name": s.name,
                    "question": s.question,
                    "table": s.table,
                    "arms": len(s.arms),
                    "scale": s.scale,
                }
                for s in studies
            ],
            "scales": [{"name": s.scale, "description": s.description} for s in scales],
            "presets": presets.names(),
        }
        print(json.dumps(content, indent=1))
        return 0
    width = max(len(name) for name in [*study_names(), *scale_names()])
    print("studies")
    for s in studies:
        about = f"{len(s.arms)} arms" + (f", table {s.table} of the paper" if s.table else "")
        print(f"  {s.name:{width}}  {s.question} ({about})")
    print("\nscales")
    for c in scales:
        print(f"  {c.scale:{width}}  {c.description}")
    print("\npresets")
    line = " "
    for name in presets.names():
        if len(line) + len(name) > 100:
            print(line)
            line = " "
        line += f" {name}"
    print(line)
    print("\nnext: studies show STUDY, studies plan STUDY, studies run STUDY, studies cost PRESET")
    return 0
