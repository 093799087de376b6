"""Golden numbers for tests/pytorch.rs, made by PyTorch 2.15 on the CPU in double precision.

    pip install torch numpy safetensors
    python3 tests/golden/pytorch.py        # writes pytorch.safetensors beside this file

No random generator takes part, so there is no seed: inputs and weights are `hashed` from a name, and tests/pytorch.rs
makes them again with the same formula. They are dyadic numbers of few bits, so both languages and both precisions hold
exactly the same ones.
"""

import hashlib
import math
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file

VGG16 = [[64, 64], [128, 128], [256, 256, 256], [512, 512, 512], [512, 512, 512]]
WIDTH_DIVISOR, HIDDEN, CLASSES, IMAGES = 16, 24, 10, 8
EPS, MOMENTUM = 1e-5, 0.1


def hashed(name, *shape):
    """Odd multiples of 2^-16 between -1 and 1: splitmix64 of the index, seeded by SHA-256 of the name."""
    seed = np.frombuffer(hashlib.sha256(name.encode()).digest()[:8], "<u8")
    z = seed + np.arange(1, math.prod(shape) + 1, dtype=np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    sixteen_bits = ((z ^ (z >> np.uint64(31))) >> np.uint64(48)).astype(np.float64)
    return torch.from_numpy(((2 * sixteen_bits - 65535) / 65536).reshape(shape))


def gradients(output, *arguments):
    """The gradients of the sum of `output` times hashed("upstream")."""
    return torch.autograd.grad((output * hashed("upstream", *output.shape)).sum(), arguments)


def relu(v):
    """Rounding must not change the side on which a value lies."""
    assert v.abs().min() > 2e-6 * v.std()
    return F.relu(v)


def convolutions(golden):
    for case, (n, c_in, c_out, h, w) in {"large": (2, 9, 11, 5, 7), "small": (3, 3, 4, 2, 2)}.items():
        x = hashed("x", n, c_in, h, w).requires_grad_()
        weight = hashed("weight", c_out, c_in, 3, 3).requires_grad_()
        y = F.conv2d(x, weight, padding=1)
        grad_x, grad_weight = gradients(y, x, weight)
        golden |= {f"conv.{case}.y": y, f"conv.{case}.grad_x": grad_x, f"conv.{case}.grad_weight": grad_weight}


def poolings(golden):
    """Positive inputs, for our kernel pools after a ReLU. In the case `ties` windows hold equal values."""
    for case, shape in {"even": (1, 9, 4, 6), "odd": (2, 3, 5, 7), "ties": (1, 9, 4, 6)}.items():
        x = 1 + hashed("x", *shape)
        x = (torch.round(x) if case == "ties" else x).requires_grad_()
        z = F.max_pool2d(x, 2)
        (grad_x,) = gradients(z, x)
        golden |= {f"pool.{case}.z": z, f"pool.{case}.grad_x": grad_x}


def blocks(golden):
    """What follows a convolution: batch normalisation, noise, ReLU, pooling."""
    n, c, h, w = 3, 9, 5, 7
    channels = (1, c, 1, 1)
    for case, running, noise, pool in [
        ("batch", False, False, False),
        ("batch_pool", False, False, True),
        ("running", True, False, False),
        ("noise_pool", False, True, True),
    ]:
        y = (hashed("y", n, c, h, w) + hashed("offset", c).reshape(channels)).requires_grad_()
        gamma = (1 + hashed("gamma", c) / 4).requires_grad_()
        beta = (hashed("beta", c) / 4).requires_grad_()
        mean, var = hashed("running_mean", c), 1 + hashed("running_var", c) / 2
        v = F.batch_norm(y, mean, var, gamma, beta, training=not running, eps=EPS)
        if noise:
            scale, shift = 1.125 + hashed("scale", c) / 8, hashed("shift", c) / 2
            v = scale.reshape(channels) * v + shift.reshape(channels)
        z = relu(v)
        z = F.max_pool2d(z, 2) if pool else z
        grad_y, grad_gamma, grad_beta = gradients(z, y, gamma, beta)
        golden |= {f"block.{case}.v": v, f"block.{case}.z": z, f"block.{case}.grad_y": grad_y}
        golden |= {f"block.{case}.grad_gamma": grad_gamma, f"block.{case}.grad_beta": grad_beta}


def parameters(norm):
    """Weights near He's deviation, as a power of two times hashed(name)."""
    params, c = {}, 3
    for layer, width in enumerate((width // WIDTH_DIVISOR for stage in VGG16 for width in stage), 1):
        params[f"conv{layer}.weight"] = hashed_weight(f"conv{layer}.weight", width, c, 3, 3)
        affine = "norm" if norm else "conv"
        params[f"{affine}{layer}.bias"] = hashed(f"{affine}{layer}.bias", width) / 8
        if norm:
            params[f"norm{layer}.weight"] = 1 + hashed(f"norm{layer}.weight", width) / 4
        c = width
    for layer, (inputs, outputs) in enumerate([(c, HIDDEN), (HIDDEN, CLASSES)], 1):
        params[f"head{layer}.weight"] = hashed_weight(f"head{layer}.weight", outputs, inputs)
        params[f"head{layer}.bias"] = hashed(f"head{layer}.bias", outputs) / 8
    return {name: value.requires_grad_() for name, value in params.items()}


def hashed_weight(name, *shape):
    return hashed(name, *shape) * 2.0 ** round(math.log2(math.sqrt(6 / math.prod(shape[1:]))))


def vgg16(params, buffers, training, x):
    layer = 0
    for stage in VGG16:
        for _ in stage:
            layer += 1
            x = F.conv2d(x, params[f"conv{layer}.weight"], params.get(f"conv{layer}.bias"), padding=1)
            if buffers:
                norm = [buffers[f"norm{layer}.running_mean"], buffers[f"norm{layer}.running_var"]]
                norm += [params[f"norm{layer}.weight"], params[f"norm{layer}.bias"]]
                x = F.batch_norm(x, *norm, training=training, momentum=MOMENTUM, eps=EPS)
            x = relu(x)
        x = F.max_pool2d(x, 2)
    x = relu(F.linear(x.flatten(1), params["head1.weight"], params["head1.bias"]))
    return F.linear(x, params["head2.weight"], params["head2.bias"])


def summary(name, gradient):
    """Four of its values, its norm, and its sums times three hashed tensors, which any other gradient would miss."""
    flat = gradient.flatten()
    values = [flat[k * len(flat) // 4] for k in range(4)]
    sums = [(flat * hashed(f"{name} {k}", len(flat))).sum() for k in range(3)]
    return torch.stack([*values, flat.norm(), *sums])


def networks(golden):
    """Running statistics see the images "first", then "second"; losses and gradients are of the second."""
    labels = torch.arange(IMAGES) * 3 % CLASSES
    first, second = (hashed(f"images {name}", IMAGES, 3, 32, 32) for name in ("first", "second"))
    for case, norm, training in [("plain", False, True), ("batch", True, True), ("running", True, False)]:
        params, buffers = parameters(norm), {}
        for name in [name for name in params if norm and name.startswith("norm") and name.endswith("weight")]:
            buffers[name.replace("weight", "running_mean")] = torch.zeros_like(params[name])
            buffers[name.replace("weight", "running_var")] = torch.ones_like(params[name])
        for images in (first, second):
            vgg16(params, buffers, True, images)
        if norm:
            golden |= {f"network.{name}": value.clone() for name, value in buffers.items()}
        logits = vgg16(params, buffers, training, second)
        loss = F.cross_entropy(logits, labels)
        golden |= {f"network.{case}.logits": logits, f"network.{case}.loss": loss}
        grads = torch.autograd.grad(loss, list(params.values()))
        golden |= {f"network.{case}.{name}": summary(name, grad) for name, grad in zip(params, grads, strict=True)}


def main():
    golden = {}
    for part in (convolutions, poolings, blocks, networks):
        part(golden)
    golden = {name: value.detach().contiguous() for name, value in golden.items()}
    save_file(golden, Path(__file__).with_suffix(".safetensors"), {"made_by": f"torch {torch.__version__}, pytorch.py"})


if __name__ == "__main__":
    main()
