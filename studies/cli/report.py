"""`studies report`."""

import argparse

from studies.api.report import report


def main(arguments: argparse.Namespace) -> int:
    """Print a table of the paper, or of a study."""
    text = report(
        arguments.study,
        paper_table=arguments.table,
        scale=arguments.scale,
        seeds=arguments.seeds,
        format=arguments.format,
        figure=arguments.figure,
        out=arguments.out,
        only=arguments.only,
        claims=arguments.claims,
        compare=arguments.compare and tuple(arguments.compare),
        matrix=arguments.matrix,
        effects=arguments.effects,
        runs_dir=arguments.runs_dir,
    )
    print(text, end="")
    return 0
