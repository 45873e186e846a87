"""Small classifiers of every kind of ending, for tests of how modules are recognised."""

import torch
from torch import nn

SHAPE = (1, 4, 4)
X = torch.rand(6, *SHAPE, generator=torch.Generator().manual_seed(0))


class Fixed(nn.Module):
    """What a function makes of the images, and of a linear layer's outputs if it asks for them."""

    def __init__(self, function, outputs: int = 3):
        super().__init__()
        torch.manual_seed(1)
        self.linear = nn.Linear(16, outputs)
        self.function = function

    def logits(self, x):
        return 5 * self.linear(x.flatten(1))

    def forward(self, x):
        return self.function(self.logits(x))
