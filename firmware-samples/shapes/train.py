#!/usr/bin/env python3
"""Makes the data of the sample, trains its network and writes everything that lies beside this file.

    python3 firmware-samples/shapes/train.py          (Debian: python3-torch, python3-numpy; about one minute on two cores)

The task: name the shape in a noisy 24 x 24 grey image (disc, ring, square, frame, triangle, cross, bar, two dots). The network has what
firmware networks have: a strided first convolution, depthwise and pointwise convolutions, batch norms, a residual add, a max pool, a
global average pool and a dense layer. Everything is seeded; the same versions of PyTorch and NumPy give the same files.
"""
import os
import numpy as np
import torch
from torch import nn

HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = ["disc", "ring", "square", "frame", "triangle", "cross", "bar", "dots"]
SIZE = 24


def shape_mask(rng, kind):
    """Soft mask in [0, 1] of one shape at a random place, size and angle, sampled at pixel centres."""
    cx, cy = rng.uniform(9, 15, 2)
    radius = rng.uniform(4.0, 8.0)
    angle = rng.uniform(0, 2 * np.pi)
    yy, xx = np.mgrid[0:SIZE, 0:SIZE] + 0.5
    u = (xx - cx) * np.cos(angle) + (yy - cy) * np.sin(angle)
    v = -(xx - cx) * np.sin(angle) + (yy - cy) * np.cos(angle)
    r = np.hypot(u, v)
    box = np.maximum(np.abs(u), np.abs(v))
    thickness = rng.uniform(1.0, 1.8)
    distance = {
        "disc": r - radius,
        "ring": np.abs(r - radius) - thickness,
        "square": box - radius * 0.85,
        "frame": np.abs(box - radius * 0.85) - thickness,
        "triangle": np.maximum(v - radius * 0.6, np.maximum(0.866 * u - 0.5 * v, -0.866 * u - 0.5 * v) - radius * 0.6),
        "cross": np.minimum(np.maximum(np.abs(u) - thickness, np.abs(v) - radius), np.maximum(np.abs(v) - thickness, np.abs(u) - radius)),
        "bar": np.maximum(np.abs(u) - radius, np.abs(v) - thickness * 1.3),
        "dots": np.minimum(np.hypot(u - radius * 0.7, v), np.hypot(u + radius * 0.7, v)) - radius * 0.4,
    }[kind]
    return np.clip(0.5 - distance, 0, 1)


def make_images(count, seed):
    """uint8 images [count, 24, 24, 1] and labels [count]."""
    rng = np.random.RandomState(seed)
    labels = rng.randint(0, len(CLASSES), count).astype(np.uint8)
    images = np.empty((count, SIZE, SIZE, 1), np.uint8)
    for i, label in enumerate(labels):
        mask = shape_mask(rng, CLASSES[label])
        background, contrast = rng.uniform(60, 190), rng.uniform(45, 120) * rng.choice([-1, 1])
        gradient = rng.uniform(-2.0, 2.0, 2)
        yy, xx = np.mgrid[0:SIZE, 0:SIZE] - SIZE / 2
        image = background + contrast * mask + gradient[0] * xx + gradient[1] * yy + rng.normal(0, rng.uniform(4, 22), (SIZE, SIZE))
        images[i, :, :, 0] = np.clip(np.round(image), 0, 255)
    return images, labels


class Block(nn.Module):
    """Depthwise 3x3, pointwise 1x1, batch norms, and a residual add where the shape allows one."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        self.residual = cin == cout and stride == 1
        self.body = nn.Sequential(
            nn.Conv2d(cin, cin, 3, stride, 1, groups=cin, bias=False), nn.BatchNorm2d(cin), nn.ReLU(),
            nn.Conv2d(cin, cout, 1, bias=False), nn.BatchNorm2d(cout))

    def forward(self, x):
        y = self.body(x)
        return torch.relu(x + y if self.residual else y)


class Shapes(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2))
        self.blocks = nn.Sequential(Block(16, 24, 1), Block(24, 24, 1), Block(24, 40, 2), Block(40, 40, 1))
        self.conv = nn.Sequential(nn.Conv2d(40, 48, 3, 1, 0, bias=False), nn.BatchNorm2d(48), nn.ReLU())
        self.head = nn.Linear(48, len(CLASSES))

    def forward(self, x):
        x = self.conv(self.blocks(self.stem(x)))
        return torch.softmax(self.head(x.mean((2, 3))), 1)

    def logits(self, x):
        return self.head(self.conv(self.blocks(self.stem(x))).mean((2, 3)))


def as_input(images):
    return torch.from_numpy(images.astype(np.float32) / 255.0).permute(0, 3, 1, 2)


def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        return float((model(as_input(images)).argmax(1).numpy() == labels).mean())


def main():
    torch.manual_seed(0)
    torch.set_num_threads(2)
    train_x, train_y = make_images(12000, 1)
    calib_x, _ = make_images(64, 2)
    test_x, test_y = make_images(400, 3)
    model, epochs, batch = Shapes(), 24, 64
    optimizer = torch.optim.Adam(model.parameters(), 4e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 6e-3, epochs=epochs, steps_per_epoch=len(train_x) // batch)
    inputs, targets = as_input(train_x), torch.from_numpy(train_y.astype(np.int64))
    for epoch in range(epochs):
        model.train()
        order = torch.randperm(len(inputs))
        for start in range(0, len(inputs) - batch + 1, batch):
            rows = order[start:start + batch]
            loss = nn.functional.cross_entropy(model.logits(inputs[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
        print(f"epoch {epoch + 1:2d}  loss {loss.item():.3f}  test accuracy {accuracy(model, test_x, test_y):.4f}", flush=True)
    model.eval()
    torch.onnx.export(model, torch.zeros(1, 1, SIZE, SIZE), os.path.join(HERE, "shapes.onnx"), opset_version=13,
                      input_names=["image"], output_names=["probabilities"], training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
    np.save(os.path.join(HERE, "calib_x.npy"), calib_x)
    np.save(os.path.join(HERE, "test_x.npy"), test_x)
    np.save(os.path.join(HERE, "test_y.npy"), test_y)
    with torch.no_grad():
        np.save(os.path.join(HERE, "test_out8.npy"), model(as_input(test_x[:8])).numpy())


if __name__ == "__main__":
    main()
