"""The gates of backpropagation: what an operation does to the gradient that comes back to it.

The names are those of the CS231n notes (https://cs231n.github.io/optimization-2/), where add gates
distribute, max gates route and multiply gates switch. Each is a law that the tests check for every
operation that claims it, and the role that a picture shows beneath the operation's circle.
"""

from __future__ import annotations

from enum import Enum


class Gate(Enum):
    """The role of an operation in backward; the value is the law in words."""

    DISTRIBUTOR = "hands on the gradient that it gets, whatever the input values"
    SWITCHER = "scales the gradient of one input by the other"
    ROUTER = "sends each part of the gradient to one input, or shares it among ties"
    ADDER = "sums the gradients that come in"
    RELAY = "hands on the same numbers in new places"
    SCALER = "multiplies the gradient by a local slope"
    FLAT = "is constant between its steps: the gradient is exactly zero"
    MIXER = "mixes the gradient linearly"
    BLOCK = "lets nothing pass"

    @property
    def label(self) -> str:
        """The name as pictures and tables show it."""
        return self.name.lower()


DISTRIBUTOR = Gate.DISTRIBUTOR
SWITCHER = Gate.SWITCHER
ROUTER = Gate.ROUTER
ADDER = Gate.ADDER
RELAY = Gate.RELAY
SCALER = Gate.SCALER
FLAT = Gate.FLAT
MIXER = Gate.MIXER
BLOCK = Gate.BLOCK
