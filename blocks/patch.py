"""The plain patch embedding of ViT."""

import torch
from torch import nn

Grid = tuple[int, int]


class PatchTokenizer(nn.Module):
    """Cut the picture into patches, a linear map of each. (B, in_chans, H, W) to (B, H W / p^2, embed_dim).

    Source: Dosovitskiy et al., arXiv 2010.11929, eq. 1.
    """

    def __init__(self, patch_size: int, embed_dim: int, in_chans: int = 3) -> None:
        super().__init__()
        self.patch_size = self.reduction = patch_size
        self.proj = nn.Conv2d(in_chans, embed_dim, kernel_size=patch_size, stride=patch_size)

    def grid_size(self, height: int, width: int) -> Grid:
        """Rows and columns of tokens for a picture of this size."""
        return height // self.patch_size, width // self.patch_size

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Pictures to tokens."""
        return self.proj(x).flatten(2).transpose(1, 2)
