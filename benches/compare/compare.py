#!/usr/bin/env python3
"""Times whole training steps of whybn and of PyTorch in turns and prints a Markdown table. See README.md."""

import argparse
import json
import os
import platform
import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from statistics import median

HERE = Path(__file__).resolve().parent
NETWORKS = ["vgg16/8", "vgg16/4", "w16", "w64"]
ARMS = ["standard", "batch_norm", "noisy_batch_norm"]
LAYOUTS = ["contiguous", "channels_last"]
ONE_THREAD = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "RAYON_NUM_THREADS": "1"}
WARM_UP_STEPS = 3


class Trainer:
    """A process that takes training steps when asked to."""

    def __init__(self, *command):
        environment = os.environ | ONE_THREAD
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
        self.process = subprocess.Popen(command, text=True, bufsize=1, env=environment, **pipes)
        self.parameters, self.instructions = self.answer().split(" parameters, ")
        self.times(WARM_UP_STEPS)

    def answer(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.process.args} ended early, with status {self.process.wait()}")
        return line.strip()

    def processor_seconds(self):
        """What the process has used of the processor, all threads, user and system (Linux: clock_getcpuclockid)."""
        return time.clock_gettime((~self.process.pid << 3) | 2)

    def times(self, steps):
        """Milliseconds a step: of the processor, and by the wall clock."""
        wall, processor = time.perf_counter(), self.processor_seconds()
        print(steps, file=self.process.stdin)
        self.answer()
        wall, processor = time.perf_counter() - wall, self.processor_seconds() - processor
        return 1e3 * processor / steps, 1e3 * wall / steps

    def peak_memory(self):
        """The most memory that the process has held, in MiB (Linux: VmHWM)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) / 1024

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def build():
    """Builds our side and returns its path."""
    command = ["cargo", "build", "--release", "--example", "compare", "--message-format=json-render-diagnostics"]
    lines = subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True).stdout.splitlines()
    return [found for line in lines if (found := json.loads(line).get("executable"))][-1]


def measure(ours, network, arm, rounds, steps):
    """A row of the table and the trainers' instruction sets."""
    trainers = {"ours": Trainer(ours, network, arm)}
    trainers |= {layout: Trainer(sys.executable, HERE / "theirs.py", network, arm, layout) for layout in LAYOUTS}
    if len({trainer.parameters for trainer in trainers.values()}) > 1:
        sys.exit(f"{network}, {arm}: the two sides have networks of different size")
    times = {name: [] for name in trainers}
    for _ in range(rounds):
        for name, trainer in trainers.items():
            times[name].append(trainer.times(steps))
    memory = {name: trainer.peak_memory() for name, trainer in trainers.items()}
    for trainer in trainers.values():
        trainer.close()
    instructions = [trainers[name].instructions for name in ("ours", LAYOUTS[0])]
    return row(network, arm, times, memory), instructions


def row(network, arm, times, memory):
    processor = {name: [processor for processor, _ in pairs] for name, pairs in times.items()}
    best = min(LAYOUTS, key=lambda layout: median(processor[layout]))
    ratios = sorted(ours / theirs for ours, theirs in zip(processor["ours"], processor[best]))
    ours, theirs = median(processor["ours"]), median(processor[best])
    waited = median(wall / processor for pairs in times.values() for processor, wall in pairs)
    spread = f"{median(ratios):.2f} ({ratios[0]:.2f}–{ratios[-1]:.2f})"
    held = f"{memory['ours']:.0f} / {memory[best]:.0f}"
    return f"| {network} | {arm} | {ours:.1f} | {theirs:.1f} | {best} | {spread} | {waited:.2f} | {held} |"


def output(*command):
    return subprocess.run(command, cwd=HERE, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()


def processor_name():
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def describe(instructions, rounds, steps):
    import torch

    changed = " with changes" if output("git", "status", "--porcelain") else ""
    yield f"* {date.today()}, whybn {output('git', 'rev-parse', '--short', 'HEAD')}{changed}"
    yield f"* {processor_name()}, {os.cpu_count()} cores; instructions: ours {instructions[0]}, PyTorch {instructions[1]}"
    yield f"* {output('rustc', '--version')}; PyTorch {torch.__version__}, eager; Python {platform.python_version()}"
    yield f"* one thread, f32, batch 128, 3×32×32 images; {rounds} rounds of {steps} steps each, in turns on one core"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", nargs="+", default=NETWORKS, help="vgg16/DIVISOR or wWIDTH")
    parser.add_argument("--arms", nargs="+", default=ARMS, choices=ARMS)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--steps", type=int, default=5, help="steps a round")
    parser.add_argument("--core", type=int, default=max(os.sched_getaffinity(0)), help="the core to run on")
    options = parser.parse_args()
    ours = build()
    os.sched_setaffinity(0, {options.core})

    print("| network | arm | ours (ms) | PyTorch (ms) | its layout | ours / PyTorch | wall / processor | peak MiB, ours / PyTorch |")
    print("|---|---|---:|---:|---|---:|---:|---:|", flush=True)
    for network in options.networks:
        for arm in options.arms:
            line, instructions = measure(ours, network, arm, options.rounds, options.steps)
            print(line, flush=True)
    print("", *describe(instructions, options.rounds, options.steps), sep="\n")


if __name__ == "__main__":
    main()
