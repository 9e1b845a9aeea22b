"""HMR 2.0 (Goel et al. 2023, "Humans in 4D") from its user's checkpoint: SMPL's numbers of a person in a picture.

Parts are named as their weights are in the checkpoints of 4D-Humans, and sizes are read off the weights, so that any
checkpoint of that form is taken.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn
from torch.nn import functional

from blendshape_addon.core.errors import InputError

PATCH, PADDING = 16, 2  # pixels: of a patch of the picture, and around the picture
HEIGHT, WIDTH = 256, 192  # of the picture; of a square of 256 the middle
_HEAD = 64  # width of a head of attention in the decoder
_VIT_HEADS = 16
_WIDE = 4  # of an encoder's hidden layer, in widths of the encoder


class _Attention(nn.Module):
    """Self-attention of the encoder."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.qkv, self.proj = nn.Linear(width, 3 * width), nn.Linear(width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """(B, N, C) to the same."""
        return self.proj(_attend(*self.qkv(tokens).chunk(3, -1), self.heads))


class _Mlp(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(width, hidden), nn.Linear(hidden, width)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.fc2(functional.gelu(self.fc1(tokens)))


class _Block(nn.Module):
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width, eps=1e-6), nn.LayerNorm(width, eps=1e-6)
        self.attn, self.mlp = _Attention(width, heads), _Mlp(width, _WIDE * width)

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Encoder(nn.Module):
    """A vision transformer (Dosovitskiy et al. 2021). width: of a token. depth: blocks. heads: of attention."""

    def __init__(self, width: int, depth: int, heads: int) -> None:
        super().__init__()
        count = (HEIGHT // PATCH) * (WIDTH // PATCH)
        self.patch_embed = nn.Module()
        self.patch_embed.proj = nn.Conv2d(3, width, PATCH, PATCH, PADDING)
        self.pos_embed = nn.Parameter(torch.zeros(1, count + 1, width))
        self.blocks = nn.ModuleList(_Block(width, heads) for _ in range(depth))
        self.last_norm = nn.LayerNorm(width, eps=1e-6)

    def forward(self, picture: Tensor) -> Tensor:
        """(B, 3, HEIGHT, WIDTH) to (B, N, C)."""
        tokens = self.patch_embed.proj(picture).flatten(2).transpose(1, 2)
        # The first place belongs to a token of the whole picture, which training ended without.
        tokens = tokens + self.pos_embed[:, 1:] + self.pos_embed[:, :1]
        for block in self.blocks:
            tokens = block(tokens)
        return self.last_norm(tokens)


class _Normed(nn.Module):
    def __init__(self, width: int, inside: nn.Module) -> None:
        super().__init__()
        self.norm, self.fn = nn.LayerNorm(width), inside

    def forward(self, token: Tensor, *context: Tensor) -> Tensor:
        return token + self.fn(self.norm(token), *context)


class _Own(nn.Module):
    """Self-attention of the decoder."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_qkv = nn.Linear(width, 3 * heads * _HEAD, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * _HEAD, width))

    def forward(self, token: Tensor) -> Tensor:
        return self.to_out(_attend(*self.to_qkv(token).chunk(3, -1), self.heads))


class _Cross(nn.Module):
    """Attention of the decoder to the encoder's tokens."""

    def __init__(self, width: int, context: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.to_kv = nn.Linear(context, 2 * heads * _HEAD, bias=False)
        self.to_q = nn.Linear(width, heads * _HEAD, bias=False)
        self.to_out = nn.Sequential(nn.Linear(heads * _HEAD, width))

    def forward(self, token: Tensor, context: Tensor) -> Tensor:
        return self.to_out(_attend(self.to_q(token), *self.to_kv(context).chunk(2, -1), self.heads))


class _Forward(nn.Module):
    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        # Two places of dropout, which has no weights, stand between.
        self.net = nn.Sequential(
            nn.Linear(width, hidden), nn.GELU(), nn.Identity(), nn.Linear(hidden, width), nn.Identity()
        )

    def forward(self, token: Tensor) -> Tensor:
        return self.net(token)


class Decoder(nn.Module):
    """One token that asks the encoder's tokens, and what it is read as."""

    def __init__(self, width: int, depth: int, heads: int, hidden: int, context: int) -> None:
        super().__init__()
        layers = nn.ModuleList(
            nn.ModuleList([
                _Normed(width, _Own(width, heads)), _Normed(width, _Cross(width, context, heads)),
                _Normed(width, _Forward(width, hidden)),
            ])
            for _ in range(depth)
        )  # fmt: skip
        self.transformer = nn.Module()
        self.transformer.to_token_embedding = nn.Linear(1, width)
        self.transformer.pos_embedding = nn.Parameter(torch.zeros(1, 1, width))
        self.transformer.transformer = nn.Module()
        self.transformer.transformer.layers = layers
        self.decpose, self.decshape, self.deccam = (nn.Linear(width, count) for count in (144, 10, 3))
        for name, count in (("init_body_pose", 144), ("init_betas", 10), ("init_cam", 3)):
            self.register_buffer(name, torch.zeros(1, count))

    def forward(self, context: Tensor) -> tuple[Tensor, Tensor]:
        """(B, N, C) to (B, 24, 3, 3) rotations, the whole body's first, and (B, 10) betas."""
        inside = self.transformer
        token = inside.to_token_embedding(context.new_zeros(len(context), 1, 1)) + inside.pos_embedding
        for own, cross, forward in inside.transformer.layers:
            token = forward(cross(own(token), context))
        token = token[:, 0]
        pose = (self.decpose(token) + self.init_body_pose).reshape(-1, 24, 3, 2)
        return rotations(pose), self.decshape(token) + self.init_betas


class Hmr2(nn.Module):
    """Encoder and decoder, of the sizes of a checkpoint's weights."""

    def __init__(self, weights: Mapping[str, Tensor]) -> None:
        super().__init__()
        width = weights["backbone.patch_embed.proj.weight"].shape[0]
        heads = _VIT_HEADS if width % _VIT_HEADS == 0 else 1
        self.backbone = Encoder(width, _count(weights, "backbone.blocks."), heads)
        layers = "smpl_head.transformer.transformer.layers."
        inner, token = weights[f"{layers}0.1.fn.to_q.weight"].shape
        hidden = weights[f"{layers}0.2.fn.net.0.weight"].shape[0]
        self.smpl_head = Decoder(token, _count(weights, layers), inner // _HEAD, hidden, width)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """(B, 3, 256, 256) to what `Decoder` gives."""
        beside = (picture.shape[3] - WIDTH) // 2
        return self.smpl_head(self.backbone(picture[..., beside : beside + WIDTH]))


def from_checkpoint(state: Mapping[str, Tensor]) -> Hmr2:
    """The network of a checkpoint's `state_dict`; what else is in it (its discriminator, SMPL) is left. Raises
    InputError for one that lacks a part."""
    own = {name: value for name, value in state.items() if name.startswith(("backbone.", "smpl_head."))}
    try:
        network = Hmr2(own)
        network.load_state_dict(own)
    except (KeyError, RuntimeError, ValueError) as error:
        reason = str(error).splitlines()[-1].strip()
        raise InputError("The checkpoint is none of HMR 2.0: {reason}.", reason=reason.rstrip(".")) from error
    return network.eval()


def rotations(six: Tensor) -> Tensor:
    """(..., 3, 3) rotations of (..., 3, 2) numbers: their first two columns, made orthonormal (Zhou et al. 2019)."""
    first = functional.normalize(six[..., 0], dim=-1)
    second = functional.normalize(six[..., 1] - (first * six[..., 1]).sum(-1, keepdim=True) * first, dim=-1)
    return torch.stack([first, second, torch.linalg.cross(first, second)], -1)


def _attend(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """(B, N, C) of attention with several heads."""
    query, key, value = (one.unflatten(-1, (heads, -1)).transpose(1, 2) for one in (query, key, value))
    return functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).flatten(2)


def _count(weights: Mapping[str, Tensor], start: str) -> int:
    """How many parts are numbered behind `start`."""
    return 1 + max(int(name[len(start) :].split(".")[0]) for name in weights if name.startswith(start))
