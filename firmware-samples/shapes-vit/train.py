#!/usr/bin/env python3
"""Trains the transformer of this sample and writes everything that lies beside this file.

    python3 firmware-samples/shapes-vit/train.py      (Debian 12: python3-torch 1.13, python3-numpy 1.24, libopenblas0)

The task and its images are those of ../shapes: name the shape in a noisy 24 x 24 grey image. The network is a vision transformer as in
Dosovitskiy et al. (2021), made small: one token for every 4 x 4 pixels (from the 8 x 8 around them, so that patches overlap), a class
token, learned positions, pre-norm blocks of self-attention and a GELU perceptron, and a linear head on the class token. Everything is
seeded; the same versions of PyTorch and NumPy on the same kind of processor give the same files.
"""
import importlib.util
import os
import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
SHAPES = os.path.join(HERE, "..", "shapes")
# The mean of a pixel is 128, so that the network's input is a whole number of 1/255ths and the firmware takes image[i] - 128.
MEAN, STD = 128 / 255, 0.25
PATCH, WIDTH, HEADS, HIDDEN, BLOCKS = 4, 32, 2, 96, 2


def load_shapes():
    """The module that makes the images: train.py of the sample beside this one."""
    spec = importlib.util.spec_from_file_location("shapes_sample", os.path.join(SHAPES, "train.py"))
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


shapes = load_shapes()


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, x):
        batch, tokens, _ = x.shape
        q, k, v = self.qkv(x).reshape(batch, tokens, 3, HEADS, WIDTH // HEADS).permute(2, 0, 3, 1, 4).unbind(0)
        scores = (q @ k.transpose(-2, -1)) * (WIDTH // HEADS) ** -0.5
        return self.proj((scores.softmax(-1) @ v).transpose(1, 2).reshape(batch, tokens, WIDTH))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.mlp = nn.Sequential(nn.Linear(WIDTH, HIDDEN), nn.GELU(), nn.Linear(HIDDEN, WIDTH))

    def forward(self, x):
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class VisionTransformer(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(1, WIDTH, 2 * PATCH, PATCH, PATCH // 2)
        self.token = nn.Parameter(torch.zeros(1, 1, WIDTH))
        self.positions = nn.Parameter(0.02 * torch.randn(1, (shapes.SIZE // PATCH) ** 2 + 1, WIDTH))
        self.blocks = nn.Sequential(*[Block() for _ in range(BLOCKS)])
        self.norm = nn.LayerNorm(WIDTH)
        self.head = nn.Linear(WIDTH, len(shapes.CLASSES))

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.positions
        return self.head(self.norm(self.blocks(x))[:, 0])


def as_input(images):
    return torch.from_numpy((images.astype(np.float32) / 255.0 - MEAN) / STD).permute(0, 3, 1, 2)


def turned(images, turn):
    """One of the eight symmetries of the square: a shape keeps its name."""
    images = torch.rot90(images, turn % 4, (2, 3))
    return images.flip(3) if turn >= 4 else images


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        return float((model(as_input(images)).argmax(1).numpy() == labels).mean())


def train(model, epochs, batch):
    images, labels = shapes.make_images(32000, 11)
    check_x, check_y = shapes.make_images(1000, 12)
    inputs, targets = as_input(images), torch.from_numpy(labels.astype(np.int64))
    optimizer = torch.optim.AdamW(model.parameters(), weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 3e-3, pct_start=0.2, epochs=epochs, steps_per_epoch=len(images) // batch)
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs) - batch + 1, batch):
            rows = order[start:start + batch]
            loss = nn.functional.cross_entropy(model(turned(inputs[rows], int(torch.randint(8, ())))), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1:2d}  loss {loss.item():.3f}  accuracy {accuracy(model, check_x, check_y):.4f}", flush=True)


def main():
    torch.manual_seed(0)
    torch.set_num_threads(1)
    model = VisionTransformer()
    train(model, epochs=12, batch=64)
    model.eval()
    torch.onnx.export(model, torch.zeros(1, 1, shapes.SIZE, shapes.SIZE), os.path.join(HERE, "shapes-vit.onnx"), opset_version=13,
                      input_names=["image"], output_names=["logits"])
    test_x, test_y = (np.load(os.path.join(SHAPES, name)) for name in ("test_x.npy", "test_y.npy"))
    print(f"test accuracy {accuracy(model, test_x, test_y):.4f}")
    with torch.no_grad():
        np.save(os.path.join(HERE, "test_out8.npy"), model(as_input(test_x[:8])).numpy())


if __name__ == "__main__":
    main()
