#!/usr/bin/env python3
"""What PyTorch takes for the networks and products of `npm run table:cuda`: same layers, same shapes, random weights.

    python3 pytorch.py resnet50|deit-s [--precision fp32|tf32|fp16|bf16] [--compile] [--batches 1,8,64]
    python3 pytorch.py int8-products --shapes 1576x384x1536,4096x4096x4096
    ... [--device cpu] [--size 64] [--rounds 15] [--repeats 20]

One line of JSON on standard output: milliseconds of one batch, by events on a GPU; median, least and most of the rounds.
"""
import argparse
import json
import time

try:
    import torch
    from torch import nn
    from torch.nn import functional
except ImportError:
    raise SystemExit("PyTorch was not found")

CLASSES = 1000


class Bottleneck(nn.Module):
    """Batch normalization folded, stride in the 3x3 convolution."""

    def __init__(self, channels, width, stride):
        super().__init__()
        self.narrow = nn.Conv2d(channels, width, 1)
        self.middle = nn.Conv2d(width, width, 3, stride, 1)
        self.wide = nn.Conv2d(width, 4 * width, 1)
        self.shortcut = nn.Identity() if channels == 4 * width else nn.Conv2d(channels, 4 * width, 1, stride)

    def forward(self, x):
        y = functional.relu(self.middle(functional.relu(self.narrow(x))))
        return functional.relu(self.wide(y) + self.shortcut(x))


def resnet50():
    layers = [nn.Conv2d(3, 64, 7, 2, 3), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    channels = 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for block in range(blocks):
            layers.append(Bottleneck(channels, 64 << stage, 2 if block == 0 and stage > 0 else 1))
            channels = 4 * (64 << stage)
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, CLASSES))


class Block(nn.Module):
    def __init__(self, depth, heads):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(depth, 1e-6), nn.LayerNorm(depth, 1e-6)
        self.qkv, self.projection = nn.Linear(depth, 3 * depth), nn.Linear(depth, depth)
        self.up, self.down = nn.Linear(depth, 4 * depth), nn.Linear(4 * depth, depth)

    def attention(self, x):
        samples, tokens, depth = x.shape
        q, k, v = self.qkv(x).reshape(samples, tokens, 3, self.heads, depth // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        if hasattr(functional, "scaled_dot_product_attention"):
            means = functional.scaled_dot_product_attention(q, k, v)
        else:
            means = ((q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)).softmax(-1) @ v
        return self.projection(means.transpose(1, 2).reshape(samples, tokens, depth))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.down(functional.gelu(self.up(self.norm2(x))))


class DeitSmall(nn.Module):
    def __init__(self, size, depth=384, heads=6, blocks=12, patch=16):
        super().__init__()
        self.embed = nn.Conv2d(3, depth, patch, patch)
        self.token = nn.Parameter(torch.randn(1, 1, depth))
        self.position = nn.Parameter(torch.randn(1, (size // patch) ** 2 + 1, depth))
        self.blocks = nn.Sequential(*(Block(depth, heads) for _ in range(blocks)))
        self.norm, self.head = nn.LayerNorm(depth, 1e-6), nn.Linear(depth, CLASSES)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.position
        return self.head(self.norm(self.blocks(x))[:, 0])


def milliseconds(run, device, rounds, repeats):
    for _ in range(repeats):
        run()
    figures = []
    for _ in range(rounds):
        if device == "cuda":
            start, stop = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            start.record()
            for _ in range(repeats):
                run()
            stop.record()
            stop.synchronize()
            figures.append(start.elapsed_time(stop) / repeats)
        else:
            begun = time.perf_counter()
            for _ in range(repeats):
                run()
            figures.append((time.perf_counter() - begun) * 1000 / repeats)
    figures.sort()
    return {"median": figures[len(figures) // 2], "least": figures[0], "most": figures[-1]}


def measure_network(given):
    precision = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}[given.precision]
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = given.precision == "tf32"
    torch.backends.cudnn.benchmark = True
    model = resnet50() if given.what == "resnet50" else DeitSmall(given.size)
    # tensor cores want channels last
    layout = torch.channels_last if given.what == "resnet50" and given.precision != "fp32" else torch.contiguous_format
    model = model.eval().to(given.device, precision).to(memory_format=layout)
    if given.compile:
        if not hasattr(torch, "compile"):
            raise SystemExit(f"PyTorch {torch.__version__} has no torch.compile")
        model = torch.compile(model, mode="reduce-overhead", dynamic=False)
    times = {}
    with torch.inference_mode():
        for batch in given.batches:
            x = torch.randn(batch, 3, given.size, given.size).to(given.device, precision).to(memory_format=layout)
            times[str(batch)] = milliseconds(lambda: model(x), given.device, given.rounds, given.repeats)
    return times


def measure_products(given):
    if not hasattr(torch, "_int_mm"):
        raise SystemExit(f"PyTorch {torch.__version__} has no torch._int_mm")
    times = {}
    for shape in given.shapes.split(","):
        rows, depth, columns = (int(number) for number in shape.split("x"))
        a = torch.randint(-128, 128, (rows, depth), dtype=torch.int8, device=given.device)
        b = torch.randint(-128, 128, (columns, depth), dtype=torch.int8, device=given.device).t()
        times[shape] = milliseconds(lambda: torch._int_mm(a, b), given.device, given.rounds, given.repeats)
    return times


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("resnet50", "deit-s", "int8-products"))
    parser.add_argument("--precision", default="fp32", choices=("fp32", "tf32", "fp16", "bf16"))
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--batches", default="1,8,64", type=lambda text: [int(number) for number in text.split(",")])
    parser.add_argument("--shapes", default="4096x4096x4096")
    parser.add_argument("--device", default="cuda", choices=("cuda", "cpu"))
    parser.add_argument("--size", type=int, default=224)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--repeats", type=int, default=20)
    given = parser.parse_args()
    if given.device == "cuda" and not torch.cuda.is_available():
        raise SystemExit(f"PyTorch {torch.__version__} sees no GPU")
    torch.manual_seed(0)
    times = measure_products(given) if given.what == "int8-products" else measure_network(given)
    device = torch.cuda.get_device_name() if given.device == "cuda" else "cpu"
    print(json.dumps({"torch": torch.__version__, "device": device, "times": times}))


if __name__ == "__main__":
    main()
