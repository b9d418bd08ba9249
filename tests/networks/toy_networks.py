"""Factories, good and bad, that the tests name in a SPEC."""

from typing import NamedTuple

import numpy as np
import torch
from torch import nn

not_callable = 3


class Answer:
    def __init__(self, logits):
        self.logits = logits


class Heads(NamedTuple):
    boxes: torch.Tensor
    mask: torch.Tensor


class Shaped(nn.Module):
    """One convolution; its result is passed to ``form``."""

    def __init__(self, form, channels=3):
        super().__init__()
        self.conv = nn.Conv2d(channels, 2, 3, padding=1)
        self.form = form

    def forward(self, x):
        return self.form(self.conv(x))


FORMS = {
    "tensor": lambda x: x,
    "mapping": lambda x: {"out": x, "aux": None},
    "tuple": lambda x: (x, 1),
    "object": Answer,
    "pooled": lambda x: x.mean((2, 3)),
    "one_pixel": lambda x: x.mean((2, 3), keepdim=True),
    "string": lambda x: "no tensor",
    "not_a_number": lambda x: x * np.nan,
    "infinite": lambda x: x / 0,
    "rank": lambda x: x.mean((1, 2, 3)),
    "only_one": lambda x: {"a": x, "b": None, "loss": 0.5},
    "strange_mapping": lambda x: {"a": x, "b": x},
    "heads": lambda x: {"np": x, "more": {"tp": x[:, :1], "maps": [x, x[:, :1]]}, "hv": x},
    "tuple_of_two": lambda x: (x, x[:, :1]),
    "named_tuple": lambda x: Heads(x, x[:, :1]),
    "integers": lambda x: x.argmax(1, keepdim=True),
    "no_batch": lambda x: x.mean((0, 2, 3))[None],
    "softmax": lambda x: x.softmax(1),
}


def shaped(form="tensor", channels=3):
    return Shaped(FORMS[form], channels)


def raising():
    raise KeyError("depth")


def text():
    return "a network"


class Picky(nn.Module):
    """Takes only sides that are multiples of ``step``."""

    def __init__(self, step=32, exact=False):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)
        self.step, self.exact = step, exact

    def forward(self, x):
        side = x.shape[-1]
        if side % self.step or (self.exact and side != self.step):
            raise ValueError(f"side {side} does not fit {self.step}")
        return self.conv(x).mean((2, 3))


class Blocks(nn.Module):
    """A transformer without attention: patches as tokens, four blocks, no BatchNorm."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 5, 16, 16)
        self.blocks = nn.Sequential(
            *(nn.Sequential(nn.LayerNorm(5), nn.Linear(5, 5)) for _ in range(4))
        )
        self.head = nn.Linear(5, 2)

    def forward(self, x):
        return self.head(self.blocks(self.embed(x).flatten(2).mT).mean(1))


class TwoHeads(nn.Module):
    """An auxiliary head that runs last and does not count."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.main = nn.Conv2d(4, 2, 1)
        self.aux = nn.Conv2d(4, 2, 1)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        return {"out": self.main(x), "aux": self.aux(x)}
