#!/usr/bin/env python3
"""Builds and runs what `npm run table:cuda -- --export` wrote into this folder; needs nvcc and Python alone.

    ./run.sh [--only kws,vww] [--samples N] [--skip-peers] [--out results.json]

Every finished piece is written to the results at once, and what they hold already is not done again: the command may be
interrupted. With PTQ_CUDA_EMULATION=1 the kernels run on this machine's processor (g++), without times.
"""
import argparse
import gzip
import json
import os
import re
import shutil
import struct
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
EMULATED = os.environ.get("PTQ_CUDA_EMULATION") == "1"
ROUNDS, REPEATS = 15, 20
LIMIT_SECONDS = 900


def call(command, folder, environment=None):
    """The program's output; what it said where it failed."""
    done = subprocess.run([str(word) for word in command], cwd=folder, capture_output=True, text=True, timeout=LIMIT_SECONDS, env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        raise RuntimeError(f"exit code {done.returncode} of {' '.join(str(word) for word in command)}: {done.stderr.strip()[-1500:]}")
    return done.stdout


def find_nvcc():
    folders = [os.environ.get("CUDA_HOME"), os.environ.get("CUDA_PATH"), "/usr/local/cuda"]
    candidates = [shutil.which("nvcc")] + [f"{folder}/bin/nvcc" for folder in folders if folder]
    return next((path for path in candidates if path and os.access(path, os.X_OK)), None)


def describe():
    """Which device, and what builds for it."""
    if EMULATED:
        return {"device": "emulation", "compiler": call(["g++", "--version"], HERE).splitlines()[0]}
    nvcc = find_nvcc()
    if nvcc is None:
        sys.exit("nvcc was not found: set CUDA_HOME, or PTQ_CUDA_EMULATION=1")
    row = call(["nvidia-smi", "--query-gpu=name,driver_version,compute_cap,clocks.max.sm,memory.total", "--format=csv,noheader,nounits"], HERE).splitlines()[0]
    name, driver, capability, clock, memory = [cell.strip() for cell in row.split(",")]
    release = re.search(r"release ([\d.]+)", call([nvcc, "--version"], HERE))
    return {"device": name, "driver": driver, "architecture": "sm_" + capability.replace(".", ""), "clockMhz": clock, "memoryMib": memory, "compiler": f"nvcc {release.group(1) if release else ''}".strip(), "nvcc": nvcc}


def unpack(project):
    for packed in project.glob("*.gz"):
        plain = packed.with_suffix("")
        if not plain.exists():
            plain.write_bytes(gzip.decompress(packed.read_bytes()))


def build(network, machine):
    """Two programs: `trace` shows every tensor, `measure` runs many samples and takes times."""
    folder = HERE / "networks" / network["id"]
    project, harness = folder / "project", HERE / "harness"
    unpack(folder)
    unpack(project)
    started = time.monotonic()
    work = folder / "build"
    work.mkdir(exist_ok=True)
    name = network["model"]
    includes = ["-I", project, "-I", harness]
    constants = project / f"{name}_weights.c"
    objects = []
    if constants.exists():
        objects = [work / "weights.o"]
        call(["gcc", "-std=c99", "-O1", *includes, "-c", constants, "-o", objects[0]], work)
    # sm_90a: the instructions of Hopper that sm_90 alone does not have
    architecture = machine.get("architecture", "")
    flags = ["-std=c++17", "-O2", *includes]
    compiler = ["g++", "-DPTQ_CUDA_EMULATION", "-x", "c++"] if EMULATED else [machine["nvcc"], f"-arch={'sm_90a' if architecture == 'sm_90' else architecture}"]
    plain = ["-x", "none"] if EMULATED else []
    wanted = [("trace", ["-DPTQ_TRACE"], "harness.cpp"), ("measure", [], "measure.cpp")]
    for program, defines, source in wanted if network["tensors"] else wanted[1:]:
        call([*compiler, *flags, *defines, project / f"{name}.cu", folder / "models.cpp", harness / source, *plain, *objects, "-o", work / program], work)
    return time.monotonic() - started


def trace(work):
    """CRC of every tensor of the vectors in vectors.bin, by "vector tensor"."""
    # the other choices between kernels than those of the emulation's small device
    large = {"PTQ_CUDA_MULTIPROCESSORS": "132", "PTQ_CUDA_WGMMA": "1", "PTQ_CUDA_ORDER": "1"} if EMULATED else {}
    call([work / "trace"], work, large)
    seen = {}
    for line in (work / "output.log").read_text("latin1").splitlines():
        words = line.split(" ")
        if words[:2] == ["PTQ1", "T"]:
            seen[f"{words[2]} {words[3]}"] = words[4]
    return seen


def check_tensors(network):
    folder = HERE / "networks" / network["id"]
    work = folder / "build"
    shutil.copyfile(folder / "vectors.bin", work / "vectors.bin")
    seen = trace(work)
    wrong = [key for key, crc in network["tensors"].items() if seen.get(key) != crc]
    return {"checked": len(network["tensors"]), "wrong": wrong[:20]}


def check_outputs(network, samples):
    folder = HERE / "networks" / network["id"]
    work = folder / "build"
    expected = struct.unpack(f"<{network['samples']}I", (folder / "expected.bin").read_bytes())[:samples]
    count = len(expected)
    if count == 0:
        return None
    batch = min(8 if EMULATED else network["batch"], count)
    said = json.loads(call([work / "measure", "outputs", folder / "samples.bin", count, batch, "crcs.bin"], work))
    seen = struct.unpack(f"<{count}I", (work / "crcs.bin").read_bytes())
    wrong = [i for i in range(count) if seen[i] != expected[i]]
    found = {"samples": count, "different": len(wrong), "first": wrong[:5], "seconds": said["seconds"]}
    if wrong and network["tensors"]:
        # which layer it is, --import finds out
        call([work / "measure", "vector", folder / "samples.bin", wrong[0], "vectors.bin"], work)
        found["tensors"] = trace(work)
    return found


def take_times(network):
    if EMULATED:
        return {}
    work = HERE / "networks" / network["id"] / "build"
    times = {}
    for batch in network["batches"]:
        rounds = sorted(json.loads(call([work / "measure", "times", batch, ROUNDS, REPEATS], work))["milliseconds"])
        times[str(batch)] = {"median": rounds[len(rounds) // 2], "least": rounds[0], "most": rounds[-1]}
    return times


class Results:
    def __init__(self, path, machine):
        self.path = path
        self.data = json.loads(path.read_text()) if path.exists() else {}
        if self.data.get("machine", machine) != machine:
            sys.exit(f"{path} holds the results of another machine")
        self.data.setdefault("machine", machine)
        self.data.setdefault("networks", {})
        self.data.setdefault("peers", {})

    def save(self):
        fresh = self.path.with_suffix(".tmp")
        fresh.write_text(json.dumps(self.data, indent=1) + "\n")
        fresh.replace(self.path)


def measure(network, results, samples):
    cell = results.data["networks"][network["id"]]
    steps = [("tensors", lambda: check_tensors(network) if network["tensors"] else None), ("outputs", lambda: check_outputs(network, samples)), ("times", lambda: take_times(network))]
    for name, step in steps:
        if name in cell:
            continue
        try:
            cell[name] = step()
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            cell.setdefault("errors", []).append(f"{name}: {error}")
        results.save()
    print(f"{network['id']}: {json.dumps({key: cell.get(key) for key in ('tensors', 'outputs', 'times', 'errors')})}", flush=True)


def is_done(results, network, samples):
    # what an older export was, or another number of samples, does not count
    key = f"{network['source']} {network['samples'] if samples is None else min(samples, network['samples'])}"
    if results.data["networks"].get(network["id"], {}).get("source") != key:
        results.data["networks"][network["id"]] = {"source": key}
    cell = results.data["networks"][network["id"]]
    cell.pop("errors", None)
    return {"tensors", "outputs", "times"} <= cell.keys()


def run_peers(plan, results):
    """Each in a process of its own: what one of them breaks stays there."""
    for peer in plan["peers"]:
        if "times" in results.data["peers"].get(peer["id"], {}):
            continue
        try:
            results.data["peers"][peer["id"]] = json.loads(call([sys.executable, HERE / "pytorch.py", *peer["arguments"]], HERE).splitlines()[-1])
        except (RuntimeError, subprocess.TimeoutExpired, IndexError, ValueError) as error:
            results.data["peers"][peer["id"]] = {"error": str(error)[-1500:]}
        results.save()
        print(f"{peer['id']}: {json.dumps(results.data['peers'][peer['id']])}", flush=True)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default="")
    parser.add_argument("--samples", type=int, default=None)
    parser.add_argument("--skip-peers", action="store_true")
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--out", type=Path, default=HERE / "results.json")
    given = parser.parse_args()
    plan = json.loads((HERE / "plan.json").read_text())
    machine = describe()
    results = Results(given.out, machine)
    chosen = [network for network in plan["networks"] if given.only == "" or network["id"] in given.only.split(",")]
    # all compile side by side; nothing is measured until the last compiler has ended
    with ThreadPoolExecutor(given.jobs) as pool:
        builds = {network["id"]: pool.submit(build, network, machine) for network in chosen if not is_done(results, network, given.samples)}
    for id, future in builds.items():
        cell = results.data["networks"][id]
        try:
            cell["buildSeconds"] = round(future.result(), 1)
            print(f"{id}: built in {cell['buildSeconds']} s", flush=True)
        except (RuntimeError, subprocess.TimeoutExpired) as error:
            cell["errors"] = [f"build: {error}"]
    results.save()
    for network in chosen:
        if "buildSeconds" in results.data["networks"][network["id"]]:
            measure(network, results, given.samples)
    if not given.skip_peers and not EMULATED:
        run_peers(plan, results)
    print(f"results: {given.out}")


if __name__ == "__main__":
    main()
