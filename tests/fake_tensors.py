"""As much of a torch tensor as hooks touch, by NumPy: their logic is tested where no torch is."""

import numpy as np


class Tensor:
    def __init__(self, values):
        self.values = np.array(values)

    shape = property(lambda self: self.values.shape)

    def detach(self):
        return self

    cpu = detach

    def numpy(self):
        return self.values

    def clone(self):
        return Tensor(self.values)

    def new_tensor(self, values):
        return Tensor(np.asarray(values, self.values.dtype))

    def copy_(self, other):
        self.values[...] = other.values

    def add_(self, other):
        self.values += other.values

    def mul_(self, other):
        self.values *= other.values

    def __add__(self, other):
        return Tensor(self.values + other.values)

    def __getitem__(self, index):
        return Tensor(self.values[index])
