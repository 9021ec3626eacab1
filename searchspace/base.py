"""The base of all specs."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Immutable, unknown keys refused.

    Validators are made when a class is first used: a command that uses few of them starts in half the time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)
