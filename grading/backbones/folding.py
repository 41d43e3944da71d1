"""Networks made faster without changing what they compute.

A batch normalisation that follows a convolution is a factor and an offset per channel: both go into the
convolution's own weights. So does padding, and activations overwrite their input. What was three or four
passes through memory is one; small networks spend most of their time there.
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
    """The convolution without a padding module of its own.

    EfficientNet-Lite pads as TensorFlow does, in a step before the convolution: `static_padding`. With a
    stride that is one pixel less on the left and top than on the right and bottom; a kernel with a first row
    and column of zeros then needs the same on all sides. Nothing but zeros is added to the sums.
    """
    pad = getattr(conv, "static_padding", None)
    if not isinstance(pad, nn.ZeroPad2d):
        return conv
    left, right, top, bottom = pad.padding
    short = right - left
    if short not in (0, 1) or (top, bottom) != (left, right):
        return conv
    if short:
        height, width = conv.kernel_size
        kernel = conv.weight.new_zeros(*conv.weight.shape[:2], height + 1, width + 1)
        kernel[:, :, 1:, 1:] = conv.weight
        conv.weight = nn.Parameter(kernel, requires_grad=False)
        conv.kernel_size = (height + 1, width + 1)
    conv.padding = (bottom, right)
    conv.static_padding = nn.Identity()
    return conv
