"""Networks made faster without changing what they compute.

A batch normalisation that follows a convolution is a factor and an offset per channel: both go into the
convolution's own weights. So does padding that is the same on both sides, and activations overwrite their
input. What was three or four passes through memory is one; small networks spend most of their time there.
"""

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold(network: nn.Module) -> None:
    """Fold batch normalisations and paddings of a network in evaluation mode into its convolutions.

    A normalisation belongs to the convolution that stands right before it in the same module, which is how
    every network here is written.
    """
    before: tuple[str, nn.Module] | None = None
    for name, child in list(network.named_children()):
        if isinstance(child, nn.BatchNorm2d) and before and isinstance(before[1], nn.Conv2d):
            setattr(network, before[0], _plain(fuse_conv_bn_eval(before[1], child)))
            setattr(network, name, nn.Identity())
        elif isinstance(child, nn.ReLU | nn.ReLU6 | nn.SiLU):
            child.inplace = True
        else:
            fold(child)
        before = (name, child)


def _plain(conv: nn.Conv2d) -> nn.Conv2d:
    """The convolution without a padding module of its own, where its padding is the same on both sides.

    EfficientNet-Lite pads as TensorFlow does, in a step before the convolution: `static_padding`.
    """
    pad = getattr(conv, "static_padding", None)
    if not isinstance(pad, nn.ZeroPad2d):
        return conv
    left, right, top, bottom = pad.padding
    if left == right and top == bottom:
        conv.padding = (top, left)
        conv.static_padding = nn.Identity()
    return conv
