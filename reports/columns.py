"""Names, labels, units and formats of the columns, in one place.

Params are in millions and MACs in 10^9 multiply-adds (`_m`, `_g`) at full size; a run's own small models are in
thousands and 10^6 (`run_params_k`, `run_macs_m`). Accuracies are in %, differences of accuracies in points.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Column:
    """A column of a table: how it is headed and how its numbers are written.

    Attributes:
        digits: after the point; none: a text.
        written: numbers that are texts already.
        of_the_paper: written with the digits that the paper prints, see `as_printed`.
    """

    label: str
    digits: int | None = None
    signed: bool = False
    of_the_paper: bool = False
    written: bool = False

    @property
    def number(self) -> bool:
        """Whether the column stands to the right, as numbers do."""
        return self.written or self.digits is not None

    def text(self, value: object) -> str:
        """A value as it stands in a printed table; nothing for a missing one."""
        if value is None or value != value:
            return ""
        if self.digits is None or isinstance(value, str):
            return str(value)
        if self.of_the_paper:
            return as_printed(float(value))  # type: ignore[arg-type]
        rounded = round(float(value), self.digits) + 0.0  # type: ignore[arg-type]  # no minus zero
        number = f"{rounded:{'+' if self.signed and rounded else ''}.{self.digits}f}"
        return number.replace("-", "\u2212")


def as_printed(figure: float) -> str:
    """A positive figure with the digits that the paper prints: one after the point, or more where it has them."""
    return max(f"{figure:.1f}", f"{figure:g}", key=len)


COLUMNS = {
    "group": Column("Group"),
    "model": Column("Model"),
    "arm": Column("Arm"),
    "paper_top1": Column("Top-1 (%)\npaper", 1),
    "paper_tokens": Column("Tokenizer\npaper"),
    "tokens": Column("Tokenizer\nours"),
    "paper_structure": Column("Depth x width\npaper"),
    "structure": Column("Depth x width\nours"),
    "paper_cifar10": Column("CIFAR-10\npaper", 1),
    "paper_cifar100": Column("CIFAR-100\npaper", 1),
    "paper_imagenet": Column("ImageNet\npaper", 1),
    "cifar10": Column("CIFAR-10\nours"),
    "cifar100": Column("CIFAR-100\nours"),
    "paper_delta": Column("\u0394\npaper", 1, signed=True),
    "paper_params_m": Column("Params (M)\npaper", 1),
    "params_m": Column("Params (M)\nours", 1),
    "params_diff": Column("Params (M)\ndiff. %", 1, signed=True),
    "paper_macs_g": Column("MACs (G)\npaper", 2, of_the_paper=True),
    "macs_g": Column("MACs (G)\nours", 2),
    "macs_diff": Column("MACs (G)\ndiff. %", 1, signed=True),
    "marks": Column("Note"),
    "seeds": Column("Seeds", written=True),
    "accuracy": Column("Top-1 (%)\nours", written=True),
    "difference": Column("\u0394\nours", written=True),
    "delta_interval": Column("\u0394\ninterval", written=True),
    "effect": Column("Effect\nsize", 2, signed=True),
    "p_value": Column("p", written=True),
    "verdict": Column("Verdict"),
    "claim": Column("The paper says"),
    "compared": Column("Compared"),
    "claim_seeds": Column("Seeds", written=True),
    "arms": Column("Arms", 0),
    "n": Column("Seeds", 0),
    "tau": Column("Tau", 2),
    "tau_interval": Column("Interval", written=True),
    "candidate": Column("Candidate"),
    "validation": Column("Top-1 (%)\nvalidation", 1),
    "full_params_m": Column("Params\n(M)", 2),
    "full_macs_g": Column("MACs\n(G)", 2),
    "latency": Column("Latency\n(ms)", 1),
    "point": Column("Knobs"),
    "run_params_k": Column("Params\n(k)", 1),
    "run_macs_m": Column("MACs\n(M)", 2),
}
