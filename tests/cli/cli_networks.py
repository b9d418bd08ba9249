"""Networks that the command-line tests name in a SPEC."""

import torch
from torch import nn

from wsi_scale.testing.networks import BatchNormNet


def untrained():
    """Random weights; its BatchNorms have never seen a batch."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return BatchNormNet()


class Deaf(nn.Module):
    """Gives the same answer whatever it is shown, though its BatchNorm says it was trained."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3, padding=1)
        self.norm = nn.BatchNorm2d(4)
        self.head = nn.Linear(4, 2)
        nn.init.zeros_(self.conv.weight)
        nn.init.zeros_(self.conv.bias)
        self.norm.running_mean.fill_(0.1)
        self.norm.running_var.fill_(0.5)
        self.norm.num_batches_tracked.fill_(100)

    def forward(self, x):
        return self.head(self.norm(self.conv(x)).mean((2, 3)))


class Says(nn.Module):
    """One convolution whose result is turned into ``what``."""

    def __init__(self, what):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)
        self.what = what

    def forward(self, x):
        logits = self.conv(x).mean((2, 3))
        return {"text": "a cat", "not_a_number": logits * torch.nan, "rank": logits.mean(1)}[
            self.what
        ]


class LaterNaN(nn.Module):
    """Passes its trial on noise and answers NaN once it sees a real slide."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        logits = self.conv(x).mean((2, 3))
        smooth = (x[..., 1:] - x[..., :-1]).abs().mean() < 0.1
        return logits * torch.nan if smooth else logits


class Moody(nn.Module):
    """Has one more class once it sees a real slide."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 3, 1)

    def forward(self, x):
        smooth = (x[..., 1:] - x[..., :-1]).abs().mean() < 0.1
        return self.conv(x).mean((2, 3))[:, : 3 if smooth else 2]


class Exits(nn.Module):
    """Ends the program when it is used."""

    def forward(self, x):
        raise SystemExit(7)


def exits():
    """Ends the program when it is made."""
    raise SystemExit(3)


class Chatty(nn.Module):
    """Prints whenever it is used."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1)

    def forward(self, x):
        print("hello")
        return self.conv(x).mean((2, 3))
