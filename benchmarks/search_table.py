"""A tabular benchmark: every model of a small space with its cost and the accuracy that it was trained to.

python benchmarks/search_table.py RUNS [--name table]

Makes `benchmarks/digits_small.parquet` of a search that has trained the whole space:

    studies search digits_small --sampler random --trials 432 --no-control --top 0 --name table --runs-dir RUNS

A row a point: its knobs, params and macs (at full size), top1 (%, on validation pictures, one seed). What made it
stands in the file's metadata: the definition of the search, versions, the device, the seconds of training. Samplers are
compared on the table in seconds, as on NAS-Bench-101 (Ying et al., arXiv 1902.09635).
"""

import argparse
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import load_study
from optuna.trial import TrialState

from studies.store.store import Store

TABLE = Path(__file__).with_name("digits_small.parquet")
MADE = b"made"


def rows_of(runs: Path, name: str) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table, and what made it."""
    journal = runs / "searches" / f"{name}.journal"
    study = load_study(study_name=name, storage=JournalStorage(JournalFileBackend(str(journal))))
    done = [trial for trial in study.trials if trial.state == TrialState.COMPLETE]
    store = Store(runs)
    results = [store.result(trial.user_attrs["trial"]) or {} for trial in done]
    frame = pd.DataFrame(
        [
            trial.params | {name: trial.user_attrs[name] for name in ("params", "macs")} | {"top1": result["top1"]}
            for trial, result in zip(done, results, strict=True)
        ]
    )
    made = {
        "command": __doc__.split("\n\n")[3].strip(),
        "definition": study.user_attrs["definition"],
        "versions": sorted({json.dumps(result["versions"], sort_keys=True) for result in results}),
        "device": sorted({result["device"] for result in results}),
        "semantics": sorted({store.trial(trial.user_attrs["trial"]).semantics for trial in done}),
        "seconds": round(sum(result["seconds"] for result in results)),
        "failed": sum(trial.state == TrialState.FAIL for trial in study.trials),
    }
    return frame.sort_values(["macs", "params"], ignore_index=True), made


def read(path: Path = TABLE) -> tuple[pd.DataFrame, dict[str, Any]]:
    """The table that is kept, and what made it."""
    table = pq.read_table(path)
    return table.to_pandas(), json.loads(table.schema.metadata[MADE])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("runs", type=Path, help="store of the search")
    parser.add_argument("--name", default="table", help="of the search")
    arguments = parser.parse_args()
    frame, made = rows_of(arguments.runs, arguments.name)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    pq.write_table(table.replace_schema_metadata((table.schema.metadata or {}) | {MADE: json.dumps(made)}), TABLE)
    minutes, size = made["seconds"] / 60, TABLE.stat().st_size
    print(f"{TABLE.name}: {len(frame)} models, {minutes:.0f} minutes of training, {size:,} bytes")


if __name__ == "__main__":
    main()
