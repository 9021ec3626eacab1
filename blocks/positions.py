"""Position tables: the fixed sinusoid, and resizing a table to another grid."""

import torch
import torch.nn.functional as F


def sinusoid(num_positions: int, dim: int) -> torch.Tensor:
    """Fixed sinusoid over the flattened token index, (1, num_positions, dim), float32.

    Channel 2i is sin(n / 10000^(2i / dim)) and channel 2i + 1 the cosine (Vaswani et al., arXiv 1706.03762,
    section 3.5). Computed in float64, so that the table equals the published one to the last bit of float32.
    """
    channel = torch.arange(dim, dtype=torch.float64, device="cpu")
    rate = 10000.0 ** (-2 * (channel // 2) / dim)
    angle = torch.arange(num_positions, dtype=torch.float64, device="cpu")[:, None] * rate
    table = torch.where(channel % 2 == 0, angle.sin(), angle.cos())
    return table.float()[None]


def resize_positions(
    table: torch.Tensor, old_grid: tuple[int, int], new_grid: tuple[int, int], num_prefix: int = 1
) -> torch.Tensor:
    """Resize the grid part of a table (1, num_prefix + h w, C) bicubically to another h x w.

    The first `num_prefix` rows (class and distillation token) stay as they are.

    Raises:
        ValueError: if the table does not have num_prefix + h w rows.
    """
    h, w = old_grid
    if table.shape[1] != num_prefix + h * w:
        raise ValueError(
            f"a position table for a {h} x {w} grid and {num_prefix} prefix tokens has {num_prefix + h * w} "
            f"rows, got {table.shape[1]}"
        )
    if old_grid == new_grid:
        return table
    grid = table[:, num_prefix:].reshape(1, h, w, -1).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=new_grid, mode="bicubic", align_corners=False)
    return torch.cat((table[:, :num_prefix], grid.permute(0, 2, 3, 1).flatten(1, 2)), dim=1)


def fit_positions(
    table: torch.Tensor, own: torch.Tensor, old_grid: tuple[int, int], new_grid: tuple[int, int], old_prefix: int
) -> torch.Tensor:
    """Another model's table in place of a model's own, (1, prefix + h w, C): its grid resized bicubically.

    A prefix token (class, distillation) that the other model has not keeps its own row; one that only the other has is
    left out.

    Raises:
        ValueError: if the table does not have old_prefix + h w rows.
    """
    table = resize_positions(table, old_grid, new_grid, old_prefix)
    prefix = own.shape[1] - new_grid[0] * new_grid[1]
    both = min(old_prefix, prefix)
    return torch.cat([table[:, :both], own[:, both:prefix], table[:, old_prefix:]], dim=1)
