"""Draws tissue that was never cut: stained fields whose nuclei are known to the pixel.

Not anatomy, but its ruler: nuclei, red cells, fat and fibres have the sizes they have in people, in
micrometres, with the spread they have between organs and diseases. Everything else (which tissues
lie together, how dense, how dark, how torn) is drawn as widely as possible, so that what is learnt
here does not hang on any of it. Sizes: nuclei of lymphocytes 5–7 µm, of epithelium 6–11 µm, spindle
nuclei 9–18 by 2–4 µm, red cells 6–7.5 µm in sections, fat cells 40–90 µm (any histology atlas).
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from scipy.spatial import cKDTree

Plane = NDArray[np.float32]
Numbers = NDArray[np.float64]
Rng = np.random.Generator

KINDS = ("stroma", "sheet", "lymphoid", "glands", "muscle", "fat", "blood", "open")
WEIGHTS = (0.24, 0.32, 0.16, 0.16, 0.05, 0.02, 0.02, 0.03)
"""How often a tissue is drawn; ``open`` is glass."""

SECTIONED = 0.82
"""What fixation and the microtome leave of a nucleus's diameter: it shrinks, and is rarely cut
through its middle. On the one real slide that is trained on, nuclei measure 5.3 µm in the median
(real.py), where the sizes of an atlas would give 6.6."""

_TOGETHER = 64  # nuclei of about one size that are drawn at once


@dataclass(frozen=True)
class Field:
    """Optical densities of one piece of tissue before it is stained, (h, w) each."""

    haematoxylin: Plane
    eosin: Plane
    blood: Plane
    """Red cells: eosin of another shade."""
    nuclei: Plane
    """Share of each pixel that a nucleus covers, 0–1."""
    pitch: float
    """µm per pixel."""

    def halved(self) -> Field:
        """The same at half as many pixels a side."""
        planes = [getattr(self, f.name) for f in fields(self)[:4]]
        side = planes[0].shape[0] // 2
        small = [
            Image.fromarray(np.ascontiguousarray(x)).resize((side, side), Image.Resampling.BOX)
            for x in planes
        ]
        return Field(*(np.asarray(x) for x in small), self.pitch * planes[0].shape[0] / side)


@dataclass
class Nuclei:
    """One row each, µm and radians."""

    centre: NDArray[np.float64]
    length: NDArray[np.float64]
    width: NDArray[np.float64]
    angle: NDArray[np.float64]
    dark: NDArray[np.float64]
    """Optical density of haematoxylin inside."""
    open: NDArray[np.float64]
    """0 = filled evenly; 1 = vesicular, a pale middle with a rim."""


def draw_field(rng: Rng, side_um: float, pitch: float) -> Field:
    """One square field of ``side_um`` µm, drawn at ``pitch`` µm per pixel."""
    n = round(side_um / pitch)
    canvas = Canvas(rng, n, pitch)
    kinds = list(rng.choice(len(KINDS), rng.integers(1, 5), replace=False, p=WEIGHTS))
    if all(KINDS[k] == "open" for k in kinds):
        kinds = [KINDS.index("sheet")]
    votes = np.stack([canvas.smooth(rng.uniform(60, 220)) + rng.normal(0, 0.5) for _ in kinds])
    owner = np.array(kinds)[votes.argmax(0)]
    angle = canvas.smooth(rng.uniform(80, 300)) * rng.uniform(0.2, 1.2) + rng.uniform(0, np.pi)
    size = SECTIONED * float(np.exp(rng.normal(0, 0.12)))  # of this piece, whatever its kind
    ground = Ground(canvas, angle)
    nuclei = [canvas.keep(ground.wanderers(size), owner != KINDS.index("open"))]
    for k in kinds:
        mine = owner == k
        nuclei.append(canvas.keep(_PAINTERS[KINDS[k]](ground, mine, size), mine))
    everyone = _joined(nuclei)
    ground.cells(everyone, owner)
    cover, density = canvas.stamp(everyone)
    tears = _tears(canvas)
    haematoxylin = np.maximum(ground.haematoxylin, 0) * (1 - cover) + density
    keep = 1 - tears * (1 - 0.5 * cover)
    eosin = np.maximum(ground.eosin, 0) * (1 - 0.75 * cover) * keep
    return Field(
        (haematoxylin * np.where(cover > 0.5, 1, keep)).astype(np.float32),
        eosin.astype(np.float32),
        (ground.blood * (1 - cover)).astype(np.float32),
        cover.astype(np.float32),
        pitch,
    )


class Canvas:
    """A square plane in µm with seeded noise."""

    def __init__(self, rng: Rng, n: int, pitch: float) -> None:
        self.rng, self.n, self.pitch = rng, n, pitch
        self.side_um = n * pitch
        axis = (np.arange(n, dtype=np.float32) + 0.5) * pitch
        self.x, self.y = np.meshgrid(axis, axis)

    def smooth(self, length_um: float) -> Plane:
        """Noise with mean 0 and spread about 1 that changes over ``length_um``."""
        count = max(3, round(self.side_um / length_um) + 3)
        coarse = self.rng.standard_normal((count, count), dtype=np.float32)
        step = length_um / self.pitch
        shift = self.rng.uniform(0, 1, 2)
        box = (shift[0], shift[1], shift[0] + self.n / step, shift[1] + self.n / step)
        box = tuple(min(b, count) for b in box)
        image = Image.fromarray(coarse).resize((self.n, self.n), Image.Resampling.BICUBIC, box=box)
        return np.asarray(image) * np.float32(1.4)

    def streaks(self, angle: Plane, long_um: float, thin_um: float) -> Plane:
        """Noise drawn out along ``angle``, as fibres are."""
        along = self.x * np.cos(angle) + self.y * np.sin(angle)
        across = -self.x * np.sin(angle) + self.y * np.cos(angle)
        across = across + self.smooth(30) * thin_um * 1.5
        table = self.rng.standard_normal((256, 256), dtype=np.float32)
        u, v = along / long_um, across / thin_um
        i, j = np.floor(u).astype(np.int32), np.floor(v).astype(np.int32)
        fu, fv = u - i, v - j
        fu, fv = fu * fu * (3 - 2 * fu), fv * fv * (3 - 2 * fv)
        rows = [table[i + a & 255, j + b & 255] for a in (0, 1) for b in (0, 1)]
        low, high = (rows[k] * (1 - fv) + rows[k + 1] * fv for k in (0, 2))
        return np.asarray(low * (1 - fu) + high * fu, np.float32)

    def scatter(self, spacing_um: float, regular: float, share: float) -> NDArray[np.float64]:
        """Points about ``spacing_um`` apart; regular: 1 = a lattice, 0 = anywhere."""
        rows = np.arange(-1, self.side_um / (spacing_um * 0.87) + 1)
        columns = np.arange(-1, self.side_um / spacing_um + 1)
        x, y = np.meshgrid(columns * spacing_um, rows * spacing_um * 0.87)
        x = x + (np.arange(len(rows)) % 2 * spacing_um / 2)[:, None]
        points = np.stack([x.ravel(), y.ravel()], 1)
        turn = self.rng.uniform(0, np.pi)
        c, s, m = np.cos(turn), np.sin(turn), self.side_um / 2
        points = (points - m) @ np.array([[c, s], [-s, c]]) * 1.0 + m
        points += self.rng.normal(0, (1 - regular) * spacing_um * 0.6, points.shape)
        return points[self.rng.random(len(points)) < share]

    def keep(self, nuclei: Nuclei, mine: NDArray[np.bool_]) -> Nuclei:
        """Those whose centre lies where the tissue is."""
        i = np.clip((nuclei.centre / self.pitch).astype(int), 0, self.n - 1)
        inside = ((nuclei.centre > -8) & (nuclei.centre < self.side_um + 8)).all(1)
        return _chosen(nuclei, inside & mine[i[:, 1], i[:, 0]])

    def stamp(self, nuclei: Nuclei) -> tuple[Plane, Plane]:
        """(cover, haematoxylin) of all nuclei, the darker one on top."""
        rng = self.rng
        cover = np.zeros(self.n * self.n, np.float32)
        density = np.zeros(self.n * self.n, np.float32)
        grain = (1 + rng.uniform(0.05, 0.3) * self.smooth(rng.uniform(0.5, 0.9))) * (
            1 + rng.uniform(0.05, 0.25) * self.smooth(rng.uniform(1.2, 2.2))
        )
        grain = np.clip(grain, 0.3, 1.8).ravel()
        soft = np.exp(rng.normal(-0.9, 0.5, len(nuclei.dark)))  # µm, width of the edge
        order = np.argsort(np.maximum(nuclei.length, nuclei.width))
        for rows in np.array_split(order, max(1, len(order) // _TOGETHER)):
            if len(rows):
                at, inside, shade = self._shapes(_chosen(nuclei, rows), soft[rows])
                np.maximum.at(cover, at, inside)
                np.maximum.at(density, at, inside * shade * grain[at])
        return cover.reshape(self.n, self.n), density.reshape(self.n, self.n)

    def _shapes(self, part: Nuclei, soft: Numbers) -> tuple[NDArray[np.int64], Plane, Plane]:
        """Flat pixel numbers, cover and shade of some nuclei, where they may cover anything."""
        reach = 0.65 * max(part.length.max(), part.width.max()) + 1
        w = 2 * int(reach / self.pitch) + 3
        first = np.floor(part.centre / self.pitch).astype(int) - w // 2
        i, j = (first[:, axis, None] + np.arange(w) for axis in (0, 1))
        dx = ((i + 0.5) * self.pitch - part.centre[:, 0, None]).astype(np.float32)[:, None, :]
        dy = ((j + 0.5) * self.pitch - part.centre[:, 1, None]).astype(np.float32)[:, :, None]
        c, s = (f(part.angle).astype(np.float32)[:, None, None] for f in (np.cos, np.sin))
        a, b = (x.astype(np.float32) / 2 for x in (part.length, part.width))
        u = (c * dx + s * dy) / a[:, None, None]
        v = (c * dy - s * dx) / b[:, None, None]
        near = u * u + v * v < (1.3 + 0.5 * soft / b).astype(np.float32)[:, None, None] ** 2
        near &= ((i >= 0) & (i < self.n))[:, None, :] & ((j >= 0) & (j < self.n))[:, :, None]
        which, row, column = np.nonzero(near)
        at = j[which, row] * self.n + i[which, column]
        inside, shade = self._profile(part, soft, which, u[near], v[near])
        return at, inside, shade

    def _profile(
        self, part: Nuclei, soft: Numbers, which: NDArray[np.int64], u: Plane, v: Plane
    ) -> tuple[Plane, Plane]:
        """Cover and shade of points of nuclei. u, v: offsets from the centre in half axes."""
        rng, count = self.rng, len(part.dark)
        a, b = (x[which] / 2 for x in (part.length, part.width))
        theta, radius = np.arctan2(v, u), np.ones(len(u), np.float32)
        for k, most in ((1, 0.05), (2, 0.07), (3, 0.06), (4, 0.04), (5, 0.03)):
            size, phase = rng.uniform(0, most, count), rng.uniform(0, 2 * np.pi, count)
            radius += size[which] * np.cos(k * theta + phase[which])
        depth = (radius - np.hypot(u, v)) * b  # µm inside the edge, roughly
        inside = np.clip(depth / np.maximum(self.pitch, soft)[which] + 0.5, 0, 1)
        opened, dark = part.open[which], part.dark[which]
        spot, wide = rng.uniform(-0.4, 0.4, (2, count)), rng.uniform(0.5, 1.1, count)
        away = ((u - spot[0][which]) * a) ** 2 + ((v - spot[1][which]) * b) ** 2
        nucleolus = 0.5 * opened * (away < wide[which] ** 2)
        shade = dark * (1 - 0.65 * opened * np.clip((depth - 0.5) / 0.6, 0, 1) + nucleolus)
        return inside.astype(np.float32), shade.astype(np.float32)


class Ground:
    """What lies between the nuclei, painted tissue by tissue."""

    def __init__(self, canvas: Canvas, angle: Plane) -> None:
        self.canvas, self.angle, self.rng = canvas, angle, canvas.rng
        self.haematoxylin = np.zeros((canvas.n, canvas.n), np.float32)
        self.eosin = np.zeros_like(self.haematoxylin)
        self.blood = np.zeros_like(self.haematoxylin)

    def paint(self, mine: NDArray[np.bool_], eosin: Plane, haematoxylin: Plane | float) -> None:
        self.eosin[mine] = eosin[mine]
        self.haematoxylin[mine] = np.broadcast_to(haematoxylin, mine.shape)[mine]

    def fibres(self, strength: float, contrast: float, thin: float) -> Plane:
        wave = 0.6 * self.canvas.streaks(self.angle, 30, thin) + 0.4 * self.canvas.streaks(
            self.angle, 12, thin * 0.5
        )
        return np.maximum(strength * (1 + contrast * wave), 0)

    def at(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """The angle of the fibres at some points."""
        i = np.clip((points / self.canvas.pitch).astype(int), 0, self.canvas.n - 1)
        return np.asarray(self.angle[i[:, 1], i[:, 0]], float)

    def stroma(self, mine: NDArray[np.bool_], size: float) -> Nuclei:
        rng = self.rng
        fibre = self.fibres(rng.uniform(0.15, 0.8), rng.uniform(0.3, 1.3), rng.uniform(1.5, 5))
        self.paint(mine, fibre, rng.uniform(0.0, 0.08))
        points = self.canvas.scatter(rng.uniform(8, 26), rng.uniform(0, 0.4), 0.8)
        n = len(points)
        angle = self.at(points) + rng.normal(0, rng.uniform(0.1, 0.6), n)
        length, width = rng.normal(11, 2.2, n).clip(6, 19), rng.normal(3.4, 0.7, n).clip(2, 6)
        plump = rng.random(n) < rng.uniform(0, 0.4)
        length, width = np.where(plump, length * 0.8, length), np.where(plump, width * 1.5, width)
        return Nuclei(points, length * size, width * size, angle, *self.shades(n, 0.75, 0.2))

    def muscle(self, mine: NDArray[np.bool_], size: float) -> Nuclei:
        rng = self.rng
        fibre = self.fibres(rng.uniform(0.45, 1.1), rng.uniform(0.1, 0.5), rng.uniform(4, 10))
        self.paint(mine, fibre, rng.uniform(0.0, 0.05))
        points = self.canvas.scatter(rng.uniform(16, 32), 0.2, 0.7)
        n = len(points)
        angle = self.at(points) + rng.normal(0, 0.12, n)
        length, width = rng.normal(14, 2.5, n).clip(8, 20), rng.normal(3.0, 0.5, n).clip(2, 5)
        return Nuclei(points, length * size, width * size, angle, *self.shades(n, 0.65, 0.2))

    def sheet(self, mine: NDArray[np.bool_], size: float) -> Nuclei:
        rng = self.rng
        diameter = size * float(np.clip(rng.normal(8.3, 1.1), 6, 12))
        spacing = diameter * rng.uniform(1.05, 1.8)
        self._cytoplasm(mine)
        points = self.canvas.scatter(spacing, rng.uniform(0.3, 0.8), rng.uniform(0.75, 1))
        return self._round(points, diameter, rng.uniform(0.08, 0.25), rng.uniform(1, 1.6))

    def wanderers(self, size: float) -> Nuclei:
        """Lymphocytes that lie in any tissue."""
        points = self.canvas.scatter(self.rng.uniform(12, 90), 0.0, self.rng.uniform(0, 0.8))
        return self._round(points, 6.0 * size, 0.08, 1.05)

    def lymphoid(self, mine: NDArray[np.bool_], size: float) -> Nuclei:
        rng = self.rng
        diameter = size * float(np.clip(rng.normal(6.2, 0.5), 5, 7.5))
        self.paint(
            mine,
            rng.uniform(0.05, 0.35) * (1 + 0.4 * self.canvas.smooth(rng.uniform(2, 6))),
            rng.uniform(0.02, 0.15),
        )
        spacing = diameter * rng.uniform(1.05, 1.6)
        points = self.canvas.scatter(spacing, rng.uniform(0.4, 0.8), rng.uniform(0.7, 1))
        return self._round(points, diameter, rng.uniform(0.05, 0.13), rng.uniform(1, 1.15))

    def glands(self, mine: NDArray[np.bool_], size: float) -> Nuclei:
        """Rings of nuclei around an opening, in stroma."""
        rng, canvas = self.rng, self.canvas
        between = self.stroma(mine, size)
        diameter = size * float(np.clip(rng.normal(7.8, 0.9), 6, 11))
        tall = diameter * rng.uniform(1.3, 3.2)
        gap = rng.uniform(2, 25)
        opening = rng.uniform(6, 45)
        spacing = 2 * (opening + tall) + gap
        hearts = canvas.scatter(spacing, rng.uniform(0.6, 0.9), 0.95)
        tree = cKDTree(hearts)
        wobble = canvas.smooth(opening * 1.5) * opening * 0.3
        far = tree.query(np.stack([canvas.x.ravel(), canvas.y.ravel()], 1), workers=1)[0]
        far = far.reshape(mine.shape).astype(np.float32) + wobble
        epithelium, lumen = mine & (far < opening + tall), mine & (far < opening)
        self._cytoplasm(epithelium)
        filled = rng.random() < 0.4
        self.eosin[lumen] = rng.uniform(0.1, 0.5) if filled else rng.uniform(0, 0.04)
        self.haematoxylin[lumen] = 0.0
        rows = max(1, round(tall / (diameter * rng.uniform(1.1, 1.8))))
        out = [_chosen(between, ~self._inside(epithelium, between.centre))]
        for row in range(rows):
            radius = opening + tall * (1 - (row + 0.5) / rows * rng.uniform(0.7, 1))
            out.append(self._ring(hearts, radius, diameter, wobble))
        return _joined(out)

    def _ring(
        self, hearts: NDArray[np.float64], radius: float, diameter: float, wobble: Plane
    ) -> Nuclei:
        rng = self.rng
        count = max(4, round(2 * np.pi * radius / (diameter * rng.uniform(0.9, 1.3))))
        turn = np.linspace(0, 2 * np.pi, count, endpoint=False) + rng.normal(
            0, 0.1, (len(hearts), count)
        )
        i = np.clip((hearts / self.canvas.pitch).astype(int), 0, self.canvas.n - 1)
        reach = (
            radius - wobble[i[:, 1], i[:, 0]][:, None] + rng.normal(0, 0.1 * diameter, turn.shape)
        )
        points = hearts[:, None] + reach[..., None] * np.stack([np.cos(turn), np.sin(turn)], -1)
        kept = rng.random(turn.size) < 0.93
        nuclei = self._round(points.reshape(-1, 2), diameter, 0.1, rng.uniform(1, 1.6))
        nuclei.angle = turn.ravel() + rng.normal(0, 0.2, turn.size)
        return _chosen(nuclei, kept)

    def fat(self, mine: NDArray[np.bool_], size: float) -> Nuclei:
        rng, canvas = self.rng, self.canvas
        across = rng.uniform(40, 90)
        hearts = canvas.scatter(across, 0.75, 1.0)
        far = self._edges(hearts, 1.0)[1]
        wall = far < rng.uniform(1, 2.5)
        self.paint(mine, np.where(wall, rng.uniform(0.2, 0.6), 0).astype("f4"), 0.0)
        points = canvas.scatter(across, 0.2, 0.5)
        n = len(points)
        flat = size * rng.normal(10, 2, n).clip(6, 15), size * rng.normal(2.8, 0.5, n).clip(2, 4)
        kept = self._inside(wall, points)
        nuclei = Nuclei(points, *flat, rng.uniform(0, np.pi, n), *self.shades(n, 0.8, 0.1))
        return _chosen(nuclei, kept)

    def blood(self, mine: NDArray[np.bool_], size: float) -> Nuclei:
        rng, canvas = self.rng, self.canvas
        self.paint(mine, np.full(mine.shape, rng.uniform(0, 0.15), np.float32), 0.0)
        across = rng.uniform(6, 7.5)
        points = canvas.scatter(across * rng.uniform(0.95, 1.4), 0.6, rng.uniform(0.7, 1))
        n = len(points)
        cells = Nuclei(
            points, np.full(n, across), across * rng.uniform(0.75, 1, n),
            rng.uniform(0, np.pi, n), rng.normal(0.6, 0.08, n).clip(0.3), np.zeros(n),
        )  # fmt: skip
        _, density = canvas.stamp(canvas.keep(cells, mine))
        self.blood = np.maximum(self.blood, density)
        white = canvas.scatter(rng.uniform(25, 60), 0.1, 0.6)
        return self._round(white, 7.0 * size, 0.1, 1.1)

    def open(self, mine: NDArray[np.bool_], size: float) -> Nuclei:
        none = np.zeros(0)
        return Nuclei(np.zeros((0, 2)), none, none, none, none, none)

    def shades(self, n: int, dark: float, opened: float) -> tuple:
        """Darkness and openness of n nuclei of one tissue."""
        rng = self.rng
        middle = dark * np.exp(rng.normal(0, 0.2))
        pale = np.clip(opened + rng.normal(0, 0.15), 0, 1)
        return (
            middle * np.exp(rng.normal(0, rng.uniform(0.08, 0.3), n)),
            np.clip(pale + rng.normal(0, 0.15, n), 0, 1),
        )

    def _round(
        self, points: NDArray[np.float64], diameter: float, spread: float, stretch: float
    ) -> Nuclei:
        rng, n = self.rng, len(points)
        across = diameter * np.exp(rng.normal(0, spread, n))
        long = np.clip(stretch * np.exp(rng.normal(0, 0.1, n)), 1, 2.2)
        opened = rng.choice([0.05, 0.35, 0.75])
        shade = self.shades(n, rng.uniform(0.65, 0.95), opened)
        return Nuclei(
            points, across * np.sqrt(long), across / np.sqrt(long), rng.uniform(0, np.pi, n), *shade
        )

    def _cytoplasm(self, mine: NDArray[np.bool_]) -> None:
        rng, canvas = self.rng, self.canvas
        grain = 1 + rng.uniform(0.05, 0.4) * canvas.smooth(rng.uniform(1, 3))
        wide = 1 + rng.uniform(0.05, 0.3) * canvas.smooth(rng.uniform(8, 40))
        eosin, haematoxylin = rng.uniform(0.1, 0.7), rng.uniform(0.0, 0.3)
        self.paint(mine, eosin * grain * wide, haematoxylin * grain)

    def cells(self, nuclei: Nuclei, owner: NDArray[np.int64]) -> None:
        """Cell borders and a shade of its own for each cell, where cells lie side by side."""
        rng = self.rng
        if len(nuclei.dark) < 3 or rng.random() < 0.25:
            return
        nearest, border = self._edges(nuclei.centre, 1.0)
        mine = np.isin(owner, [KINDS.index(kind) for kind in ("sheet", "glands", "lymphoid")])
        own = np.exp(rng.normal(0, rng.uniform(0.02, 0.2), len(nuclei.dark))).astype("f4")
        line = np.exp(-((border / rng.uniform(0.4, 1.8)) ** 2)).astype("f4")
        change = own[nearest] * (1 + rng.uniform(-1.0, 0.6) * line)
        self.eosin[mine] *= change[mine]
        self.haematoxylin[mine] *= change[mine]

    def _edges(self, points: NDArray[np.float64], pitch: float) -> tuple:
        """The nearest point of each pixel, and how far its border with the next one is, µm."""
        canvas = self.canvas
        step = max(1, round(pitch / canvas.pitch))
        grid = np.stack([canvas.x[::step, ::step].ravel(), canvas.y[::step, ::step].ravel()], 1)
        far, which = cKDTree(points).query(grid, k=2)
        shape = canvas.x[::step, ::step].shape
        border = ((far[:, 1] - far[:, 0]) / 2).reshape(shape).astype("f4")
        wide = Image.fromarray(border).resize((canvas.n, canvas.n), Image.Resampling.BILINEAR)
        nearest = which[:, 0].reshape(shape).repeat(step, 0).repeat(step, 1)
        return nearest[: canvas.n, : canvas.n], np.asarray(wide)

    def _inside(self, mask: NDArray[np.bool_], points: NDArray[np.float64]) -> NDArray[np.bool_]:
        i = np.clip((points / self.canvas.pitch).astype(int), 0, self.canvas.n - 1)
        return np.asarray(mask[i[:, 1], i[:, 0]])


_PAINTERS = {kind: getattr(Ground, kind) for kind in KINDS}


def _tears(canvas: Canvas) -> Plane:
    """Cracks and holes that glass shines through, 0–1."""
    rng = canvas.rng
    if rng.random() < 0.35:
        return np.zeros((canvas.n, canvas.n), np.float32)
    wave = canvas.smooth(rng.uniform(5, 40)) + 0.4 * canvas.smooth(rng.uniform(2, 6))
    return np.asarray(np.clip((wave - rng.uniform(0.9, 2.6)) * rng.uniform(2, 8), 0, 1), "f4")


def _chosen(nuclei: Nuclei, rows: object) -> Nuclei:
    return Nuclei(*[getattr(nuclei, f.name)[rows] for f in fields(nuclei)])


def _joined(parts: list[Nuclei]) -> Nuclei:
    return Nuclei(*[np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(Nuclei)])
