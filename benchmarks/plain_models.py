"""T2T-ViT and ViT the plain way: as a reader of the papers writes them down, with nothing fused.

Written from the equations of arXiv 2101.11986, 2009.14794 and 2010.11929. Names of weights are those of
`searchspace.build`, so that one state dict fits both.
"""

from math import sqrt

import torch
from torch import nn

from searchspace.spec import PatchTokenizerSpec, T2TTokenizerSpec, TransformerSpec


class Mlp(nn.Module):
    """Linear, GELU, linear."""

    def __init__(self, dim: int, hidden: int, drop: float = 0.0) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.act = nn.GELU()
        self.fc2 = nn.Linear(hidden, dim)
        self.drop = nn.Dropout(drop)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.drop(self.fc2(self.act(self.fc1(x))))


class TokenTransformer(nn.Module):
    """The transformer of a T2T step: one head, and the skip adds v."""

    def __init__(self, in_dim: int, token_dim: int) -> None:
        super().__init__()
        self.scale = in_dim**-0.5
        self.norm1 = nn.LayerNorm(in_dim)
        self.qkv = nn.Linear(in_dim, 3 * token_dim, bias=False)
        self.proj = nn.Linear(token_dim, token_dim)
        self.norm2 = nn.LayerNorm(token_dim)
        self.mlp = Mlp(token_dim, token_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(self.norm1(x)).chunk(3, dim=-1)
        weights = torch.softmax(torch.einsum("bic,bjc->bij", q, k) * self.scale, dim=-1)
        x = v + self.proj(torch.einsum("bij,bjc->bic", weights, v))
        return x + self.mlp(self.norm2(x))


class TokenPerformer(nn.Module):
    """The same frame with random features in the place of the softmax."""

    def __init__(self, in_dim: int, token_dim: int, drop: float = 0.1) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(in_dim)
        self.kqv = nn.Linear(in_dim, 3 * token_dim)
        self.proj = nn.Linear(token_dim, token_dim)
        self.drop = nn.Dropout(drop)
        self.norm2 = nn.LayerNorm(token_dim)
        self.mlp = Mlp(token_dim, token_dim, drop)
        self.w = nn.Parameter(torch.empty(token_dim // 2, token_dim), requires_grad=False)

    def phi(self, x: torch.Tensor) -> torch.Tensor:
        projected = torch.einsum("bnc,mc->bnm", x, self.w)
        return torch.exp(projected - (x**2).sum(dim=-1, keepdim=True) / 2) / sqrt(self.w.shape[0])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        k, q, v = self.kqv(self.norm1(x)).chunk(3, dim=-1)
        phi_k, phi_q = self.phi(k), self.phi(q)
        total = torch.einsum("bnm,bm->bn", phi_q, phi_k.sum(dim=1))
        summed = torch.einsum("bnm,bnc->bmc", phi_k, v)
        y = torch.einsum("bnm,bmc->bnc", phi_q, summed) / (total.unsqueeze(-1) + 1e-8)
        x = v + self.drop(self.proj(y))
        return x + self.mlp(self.norm2(x))


class TokensToToken(nn.Module):
    """Soft split, mixer, soft split, mixer, soft split, linear."""

    def __init__(self, spec: T2TTokenizerSpec, embed_dim: int, in_chans: int) -> None:
        super().__init__()
        mixer = {"performer": TokenPerformer, "transformer": TokenTransformer}[spec.mixer]
        channels = [in_chans] + [spec.token_dim] * (len(spec.splits) - 1)
        widths = [c * k * k for c, (k, _, _) in zip(channels, spec.splits, strict=True)]
        self.splits = [tuple(split) for split in spec.splits]
        self.unfolds = nn.ModuleList(nn.Unfold(k, stride=s, padding=p) for k, s, p in spec.splits)
        self.mixers = nn.ModuleList(mixer(width, spec.token_dim) for width in widths[:-1])
        self.proj = nn.Linear(widths[-1], embed_dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        for (k, s, p), unfold, mixer in zip(self.splits, self.unfolds, self.mixers, strict=False):
            rows, columns = ((side + 2 * p - k) // s + 1 for side in x.shape[2:])
            tokens = mixer(unfold(x).transpose(1, 2))
            x = tokens.transpose(1, 2).reshape(x.shape[0], -1, rows, columns)
        return self.proj(self.unfolds[-1](x).transpose(1, 2))


class Patches(nn.Module):
    """The patch embedding of ViT."""

    def __init__(self, patch_size: int, embed_dim: int, in_chans: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_chans, embed_dim, patch_size, stride=patch_size)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.proj(x).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    """Multi-head attention by its equation."""

    def __init__(self, dim: int, num_heads: int, qkv_bias: bool) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.scale = (dim // num_heads) ** -0.5
        self.qkv = nn.Linear(dim, 3 * dim, bias=qkv_bias)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        q, k, v = self.qkv(x).reshape(*x.shape[:2], 3, self.num_heads, -1).unbind(2)
        weights = torch.softmax(torch.einsum("bihc,bjhc->bhij", q, k) * self.scale, dim=-1)
        return self.proj(torch.einsum("bhij,bjhc->bihc", weights, v).flatten(2))


class Layer(nn.Module):
    """A pre-norm transformer layer."""

    def __init__(self, dim: int, num_heads: int, mlp_ratio: float, qkv_bias: bool, eps: float) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(dim, eps=eps)
        self.attn = Attention(dim, num_heads, qkv_bias)
        self.norm2 = nn.LayerNorm(dim, eps=eps)
        self.mlp = Mlp(dim, int(dim * mlp_ratio))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PlainTransformer(nn.Module):
    """Tokenizer, class token, positions, layers, norm, head. (B, in_chans, H, W) to (B, num_classes).

    The weights are those that it is given: nothing is initialised here.
    """

    def __init__(self, spec: TransformerSpec) -> None:
        super().__init__()
        of, dim = spec.backbone, spec.backbone.embed_dim
        if isinstance(spec.tokenizer, PatchTokenizerSpec):
            self.tokenizer: nn.Module = Patches(spec.tokenizer.patch_size, dim, spec.in_chans)
        elif isinstance(spec.tokenizer, T2TTokenizerSpec):
            self.tokenizer = TokensToToken(spec.tokenizer, dim, spec.in_chans)
        else:
            raise ValueError(f"no plain tokenizer of kind {spec.tokenizer.kind!r}")
        rows, columns = spec.tokenizer.grid_size(*spec.img_size)
        self.cls_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.pos_embed = nn.Parameter(torch.zeros(1, rows * columns + 1, dim), requires_grad=of.position == "learned")
        self.blocks = nn.ModuleList(
            Layer(dim, of.num_heads, of.mlp_ratio, of.qkv_bias, of.norm_eps) for _ in range(of.depth)
        )
        self.norm = nn.LayerNorm(dim, eps=of.norm_eps)
        self.head = nn.Linear(dim, spec.num_classes)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.tokenizer(x)
        x = torch.cat([self.cls_token.expand(x.shape[0], -1, -1), x], dim=1) + self.pos_embed
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x)[:, 0])
