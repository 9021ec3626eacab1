"""The base of all specs."""

from pydantic import BaseModel, ConfigDict


class Spec(BaseModel):
    """Immutable, unknown keys refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
