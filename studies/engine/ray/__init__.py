"""Ray Tune schedules the trials over cores or GPUs. The only folder that imports Ray.

Tune places trials on workers and restarts those whose worker died; which trial comes next is the queue's answer, what
a trial is, where it stands and what came of it is in the store. Workers are reused, so that torch is imported once a
worker and not once a trial. Tune runs in a thread of its own, so that this process can leave when Ray is dead.
"""

import os
import warnings

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
os.environ.setdefault("RAY_AIR_NEW_OUTPUT", "0")
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "1")
os.environ.setdefault("TUNE_DISABLE_AUTO_CALLBACK_LOGGERS", "1")
os.environ.setdefault("TUNE_GLOBAL_CHECKPOINT_S", "1e9")  # all trials each time, which the store has
os.environ.setdefault("TUNE_DISABLE_SIGINT_HANDLER", "1")  # Ctrl-C is ours, as without Ray
os.environ.setdefault("TUNE_WARN_EXCESSIVE_EXPERIMENT_CHECKPOINT_SYNC_THRESHOLD_S", "0")
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")  # else the log of a node that dies is printed
os.environ.setdefault("TUNE_MAX_PENDING_TRIALS_PG", "1000000")  # `FromQueue` has a limit of its own
os.environ.setdefault("TUNE_DISABLE_STRICT_METRIC_CHECKING", "1")  # a trial that another run has has no figures

warnings.filterwarnings("ignore", module=r"ray\..*")

# Ray reads its settings when it is imported, so they stand first.
from studies.engine.ray.run import run_ray  # noqa: E402

__all__ = ["run_ray"]
