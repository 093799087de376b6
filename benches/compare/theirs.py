"""PyTorch's side of compare.py: `theirs.py NETWORK ARM LAYOUT`, in the same words as ours.rs."""

import sys

import torch
from torch import nn

SEED, BATCH, CLASSES, LEARNING_RATE = 1, 128, 10, 0.1
SHIFT, SCALE, SHIFT_JITTER, SCALE_JITTER = 0.5, 1.25, 0.1, 0.1
VGG16 = [[64] * 2, [128] * 2, [256] * 3, [512] * 3, [512] * 3]
LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


class Noise(nn.Module):
    """Algorithm 1 of Santurkar et al. 2018: each channel's shift and scale, then each element's around them."""

    def forward(self, a):
        with torch.no_grad():
            channels = (1, a.shape[1], 1, 1)
            shift = torch.empty(channels).uniform_(-SHIFT, SHIFT)
            scale = torch.empty(channels).uniform_(1, SCALE)
            m = draws(a, lambda empty: empty.uniform_(-SHIFT_JITTER, SHIFT_JITTER)).add_(shift)
            s = draws(a, lambda empty: empty.normal_(0, SCALE_JITTER)).add_(scale)
        return torch.addcmul(m, s, a)


def draws(a, fill):
    """A tensor like `a`, filled in the order of memory: `normal_` is nine times slower on `channels_last` itself."""
    if a.is_contiguous():
        return fill(torch.empty(a.shape))
    n, c, h, w = a.shape
    return fill(torch.empty(n, h, w, c)).permute(0, 3, 1, 2)


def stages(network):
    if network.startswith("vgg16/"):
        divisor = int(network.removeprefix("vgg16/"))
        return [[width // divisor for width in stage] for stage in VGG16]
    width = int(network.removeprefix("w"))
    return [[factor * width] * 2 for factor in (1, 2, 4, 4, 4)]


def build(network, arm):
    layers, channels = [], 3
    for stage in stages(network):
        for width in stage:
            layers.append(nn.Conv2d(channels, width, 3, padding=1, bias=arm == "standard"))
            if arm != "standard":
                layers.append(nn.BatchNorm2d(width))
            if arm == "noisy_batch_norm":
                layers.append(Noise())
            layers.append(nn.ReLU(inplace=True))
            channels = width
        layers.append(nn.MaxPool2d(2))
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels, CLASSES))
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            nn.init.xavier_uniform_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return model


def main():
    network, arm, layout = sys.argv[1:]
    torch.set_num_threads(1)
    torch.manual_seed(SEED)
    model = build(network, arm).to(memory_format=LAYOUTS[layout])
    images = torch.randn(BATCH, 3, 32, 32).to(memory_format=LAYOUTS[layout])
    labels = torch.randint(CLASSES, (BATCH,))
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    parameters = sum(parameter.numel() for parameter in model.parameters())
    print(f"{parameters} parameters, {torch.backends.cpu.get_cpu_capability()}", flush=True)
    for line in sys.stdin:
        for _ in range(int(line)):
            loss = nn.functional.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            assert loss.isfinite(), f"the loss is {loss.item()}"
        print("done", flush=True)


main()
