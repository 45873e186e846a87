"""Make results/synthesis/NAME: what images are worth that a sweep's models make or mend.

    python results/synthesis.py mnist

Each model of the sweep that results/synthesis/plan.json names, in the order of its plan, makes and
mends the same images with the same noise; the weights are looked for in runs/SWEEP, where the
sweep's command leaves them. A folder a model, and one for what does without a classifier: scores
of each image and few pictures (.safetensors), scores of sets (.json). What lies there is taken as
done.
"""

import argparse
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from itertools import zip_longest
from pathlib import Path
from typing import Any

import torch
from judge import Judge, share_right, train_judge
from scored import ALONE, COMBINED, PLAIN, entries_of, roles
from sweep import HERE, jobs_of, runs_of
from synthesis_tables import conclude
from torch import Tensor, nn
from torch.nn import functional as F

import offmanifold as om
from offmanifold._core.files import make_folder, read_json, write_json, write_tensors
from offmanifold._core.randomness import image_noise
from offmanifold.data import Data
from offmanifold.manifolds.resolve import resolve_manifold
from offmanifold.measures.ssim import structural_similarity
from offmanifold.models import load_model
from offmanifold.sweeps.sweep import open_sweep
from offmanifold.synthesis import (
    Constraint,
    Method,
    baselines,
    denoise,
    draw,
    fit_seeds,
    generate,
    inpaint,
    superresolve,
)
from offmanifold.synthesis.constraints import BlockMeans, KnownPixels
from offmanifold.synthesis.inpainting import mean_fill
from offmanifold.synthesis.methods import guide_of
from offmanifold.synthesis.neighbours import nearest
from offmanifold.synthesis.scores import covered, frechet, frechet_error, psnr, spread
from offmanifold.synthesis.superresolution import consistent_bicubic

PLACE = HERE / "synthesis"
MEAN_OF = 8  # draws of the denoiser whose mean is one of the plain ways
HALVES = 50  # draws of real images against real ones
NEAR = 3  # neighbours that say how far a set of images reaches
WAYS = {ALONE: Method("ascent"), COMBINED: Method("auto")}
Columns = dict[str, Tensor]


def main(argv: list[str] | None = None) -> None:
    """Score every model of the plan that is not there yet, and conclude."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("--conclude", action="store_true", help="only tables and figures")
    given = parser.parse_args(argv)
    plan = read_json(PLACE / "plan.json")[given.name]
    place = make_folder(PLACE / given.name)
    if not given.conclude:
        make(plan, Path("runs") / f"synthesis-{given.name}", place)
    conclude(plan, place)


def make(plan: dict[str, Any], scratch: Path, place: Path) -> None:
    """Score what does without a classifier, then each model that lies in the sweep's result."""
    sweep = read_json(HERE / plan["sweep"] / "plan.json")
    bench = open_bench(plan, sweep, scratch)
    write_json(
        place / "judge.json", {"accuracy": share_right(bench.judge.network, bench.data.test)}
    )
    if not is_there(place / PLAIN, ALONE):
        plain_ways(bench).save(place / PLAIN, ALONE)
    entries = {e.name: e for e in entries_of(plan["sweep"])}
    opened = open_sweep(runs_of(sweep, Path("runs") / plan["sweep"]))
    turns = zip_longest(*jobs_of(sweep, opened))  # of each group the most telling first
    runs = [job.name for turn in turns for job in turn if job and job.name in entries]
    chosen = [e.name for e in roles(list(entries.values())).values() if bench.manifold]
    for part, names in ((ALONE, runs), (COMBINED, chosen)):
        for name in [name for name in names if not is_there(place / name, part)]:
            folder = Path("runs") / plan["sweep"] / name
            if not (folder / "model.safetensors").is_file():
                print(name, "has no weights here", flush=True)
                continue
            with_model(bench, load_model(str(folder)).module.eval(), part).save(place / name, part)
            print(name, part, "scored", flush=True)


def is_there(folder: Path, part: str) -> bool:
    """Whether a part of a folder was written to its end."""
    return (folder / f"{part}.json").is_file()


@dataclass(frozen=True)
class Task:
    """Images to mend.

    given: what is seen of them. mend: (model, method) → images. plain: () → {way: images}, without
    a classifier.
    """

    given: Tensor
    mend: Callable[[nn.Module, Method], Tensor]
    plain: Callable[[], Columns]


@dataclass(frozen=True)
class Bench:
    """All that is the same for every model.

    originals: (n, c, h, w) test images to mend, y their classes; index: their names, by which noise
    is drawn. real, more: test images that made ones are compared with, and as many others, the
    floor.
    """

    plan: dict[str, Any]
    data: Data
    manifold: Any
    judge: Judge
    originals: Tensor
    y: Tensor
    index: Tensor
    real: Tensor
    more: Tensor
    more_y: Tensor

    @cached_property
    def seeds(self):
        return fit_seeds(self.data.train)

    @cached_property
    def shown(self) -> list[int]:
        """Places of the originals whose pictures are kept, one a class."""
        return [int((self.y == c).nonzero()[0]) for c in self.y.unique()]

    @cached_property
    def wanted(self) -> Tensor:
        """Classes of the images to be made, (m,)."""
        return torch.arange(self.plan["made"]) % len(self.data.classes or ())

    @cached_property
    def tasks(self) -> dict[str, Task]:
        """{name: task}."""
        x, index, manifold, plan = self.originals, self.index, self.manifold, self.plan
        sigma, r = plan["sigma"], plan["factor"]
        noise = image_noise(tuple(x.shape[1:]), index, seed=0, name="degraded")
        noisy, hole, low = x + sigma * noise, hole_of(x, plan["hole"]), F.avg_pool2d(x, r)
        holes = hole.expand(len(x), -1, -1, -1)
        one = {"manifold": manifold, "index": index}

        def drawn(constraint: Constraint, y: Tensor | None, seed: int = 0) -> Tensor:
            return draw(
                nn.Identity(),
                manifold,
                self.y,
                index=index,
                guidance=0,
                told=y,
                seed=seed,
                constraint=constraint,
            )

        def stepped(constraint: Constraint, start: Tensor) -> Tensor:
            """The steps of the combined way, without the classifier's."""
            guide, rows = guide_of(WAYS[COMBINED].settled(manifold), manifold), torch.arange(len(x))
            assert guide is not None
            for step in range(WAYS[COMBINED].ascent.steps):
                start = constraint.project(guide.land(start, index, step), rows)
            return start

        def sampled(constraint: Constraint, start: Tensor) -> Columns:
            if manifold is None:
                return {}
            several = [drawn(constraint, None, seed) for seed in range(MEAN_OF)]
            return {
                "denoiser": several[0],
                "denoiser_mean": torch.stack(several).mean(0),
                "denoiser_steps": stepped(constraint, start),
                "denoiser_told": drawn(constraint, self.y),
            }

        @torch.no_grad()
        def denoised() -> Columns:
            return (
                {}
                if manifold is None
                else {
                    "denoiser": manifold.denoise(noisy, None, sigma).clamp(0, 1),
                    "denoiser_told": manifold.denoise(noisy, self.y, sigma).clamp(0, 1),
                }
            )

        known, means = KnownPixels(x, holes), BlockMeans(low, r)
        return {
            "denoise": Task(
                noisy.clamp(0, 1),
                lambda m, how: denoise(m, noisy, sigma, method=how, **one).images,
                lambda: {**baselines.for_denoising(noisy, sigma), **denoised()},
            ),
            "inpaint": Task(
                torch.where(holes, 0, x),
                lambda m, how: inpaint(m, x, hole, method=how, **one).images,
                lambda: {
                    **baselines.for_inpainting(x, holes),
                    **sampled(known, mean_fill(x, holes)),
                },
            ),
            "superresolve": Task(
                baselines.for_superresolution(low, r)["nearest"],
                lambda m, how: superresolve(m, low, r, method=how, **one).images,
                lambda: {
                    **baselines.for_superresolution(low, r),
                    **sampled(means, consistent_bicubic(low, r)),
                },
            ),
        }


def open_bench(plan: dict[str, Any], sweep: dict[str, Any], scratch: Path) -> Bench:
    """Return data, manifold, judge and images of a plan."""
    data = om.load_data(plan.get("data", sweep["data"]))
    judge = train_judge(plan["judge"], data, scratch / "judge")
    chosen, others = (
        data.test.read(data.test.subset(n, seed=seed).rows)
        for n, seed in ((plan["n"], 0), (2 * plan["made"], 1))
    )
    assert chosen.y is not None and others.y is not None
    turn = torch.arange(len(others)) % 2 == 0
    return Bench(
        plan=plan,
        data=data,
        manifold=resolve_manifold(plan.get("manifold", sweep["manifold"]), data, precision="fp32"),
        judge=judge,
        originals=chosen.x,
        y=chosen.y,
        index=chosen.index,
        real=others.x[turn],
        more=others.x[~turn],
        more_y=others.y[~turn],
    )


@dataclass
class Sheet:
    """Scores and pictures of one folder, filled task by task.

    columns: {task/way/score: (n,)}; numbers: {task/way/score: of a set}; pictures: {task/way}.
    """

    bench: Bench
    columns: Columns = field(default_factory=dict)
    numbers: dict[str, float] = field(default_factory=dict)
    pictures: Columns = field(default_factory=dict)

    def mended(self, task: str, way: str, images: Tensor) -> None:
        """Compare images with the originals, and ask the judge for their class."""
        bench, name = self.bench, f"{task}/{way}"
        self.columns |= {
            f"{name}/psnr": psnr(images, bench.originals),
            f"{name}/ssim": structural_similarity(images, bench.originals),
            f"{name}/class": (bench.judge.classes(images) == bench.y).float(),
        }
        if task == "inpaint":  # the task that is drawn
            self.pictures[name] = images[bench.shown]

    def made(self, way: str, images: Tensor, y: Tensor) -> None:
        """Compare a set of images, asked to be of classes y, with real ones."""
        bench, name = self.bench, f"generate/{way}"
        ours, real = bench.judge.features(images), bench.judge.features(bench.real)
        self.columns |= {
            f"{name}/class": (bench.judge.classes(images) == y).float(),
            f"{name}/precision": covered(ours, real, NEAR).float(),
            f"{name}/recall": covered(real, ours, NEAR).float(),
            f"{name}/spread": spread(images, y),
            f"{name}/nearest": nearest(bench.data.train, images)[1],
        }
        self.numbers |= {
            f"{name}/frechet": frechet(ours, real),
            f"{name}/frechet_error": frechet_error(ours, real),
        }
        first = [int((y == c).nonzero()[0]) for c in y.unique()]
        self.pictures[name] = images[first]

    def save(self, folder: Path, part: str) -> None:
        """Write what was found; the numbers come last, since they say that all is there."""
        make_folder(folder)
        few = {
            f"picture/{k}": v.mul(255).round().clamp(0, 255).byte()
            for k, v in self.pictures.items()
        }
        write_tensors(folder / f"{part}.safetensors", self.columns | few)
        write_json(folder / f"{part}.json", self.numbers)


def plain_ways(bench: Bench) -> Sheet:
    """Score what does without a classifier."""
    sheet = Sheet(bench)
    for name, task in bench.tasks.items():
        for way, images in {
            "original": bench.originals,
            "given": task.given,
            **task.plain(),
        }.items():
            sheet.mended(name, way, images)
    index = torch.arange(len(bench.wanted))
    nobody, one = nn.Identity(), {"index": index, "guidance": 0}
    sheet.made("real", bench.more, bench.more_y)
    sheet.numbers |= floor(bench.judge.features(torch.cat([bench.real, bench.more])))
    sheet.made("seed", bench.seeds.draw(bench.wanted, index), bench.wanted)
    if bench.manifold is not None:
        told = draw(nobody, bench.manifold, bench.wanted, told=bench.wanted, **one)
        sheet.made("denoiser_told", told, bench.wanted)
    return sheet


def floor(features: Tensor) -> dict[str, float]:
    """Return the Fréchet distance of real images (2n, d) to real ones: over halves, drawn anew."""
    generator = torch.Generator().manual_seed(0)
    halves = [
        features[torch.randperm(len(features), generator=generator)].chunk(2) for _ in range(HALVES)
    ]
    distances = torch.tensor([frechet(a, b) for a, b in halves])
    return {
        "generate/real/frechet": float(distances.mean()),
        "generate/real/frechet_error": float(distances.std()),
    }


def with_model(bench: Bench, model: nn.Module, part: str) -> Sheet:
    """Score what a model makes and mends, alone or with the manifold; nobody tells it the class of
    what it mends."""
    sheet = Sheet(bench)
    if part == ALONE:  # the same in both
        sheet.numbers["accuracy"] = share_right(model, bench.data.test)
    method = WAYS[part]
    for name, task in bench.tasks.items():
        sheet.mended(name, part, task.mend(model, method))
    one = {"method": method, "manifold": bench.manifold}
    sheet.made(part, generate(model, bench.wanted, bench.seeds, **one).images, bench.wanted)
    return sheet


def hole_of(x: Tensor, side: int) -> Tensor:
    """Return a square hole in the middle of images x, (1, 1, h, w)."""
    h, w = x.shape[-2:]
    hole = torch.zeros(1, 1, h, w, dtype=torch.bool)
    top, left = (h - side) // 2, (w - side) // 2
    hole[..., top : top + side, left : left + side] = True
    return hole


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main()
