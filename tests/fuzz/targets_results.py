"""What wsi-scale wrote and reads again, and lists and regions from others."""

from __future__ import annotations

import json
from pathlib import Path

import pydantic
from targets import CASES, HERE, Target

from wsi_scale.batch.lines import Lines
from wsi_scale.batch.listing import list_slides
from wsi_scale.batch.row import unflatten
from wsi_scale.batch.summary import markdown, summarize
from wsi_scale.estimators.profile_file import load_profile
from wsi_scale.known_scale.evaluate.manifest import read_manifest
from wsi_scale.known_scale.evaluate.mask import Overlap
from wsi_scale.plumbing.claims import read_note
from wsi_scale.render.sentence import explain, headline
from wsi_scale.render.site_tables import sites_csv, sites_geojson
from wsi_scale.report import Report
from wsi_scale.responses.record import Responses
from wsi_scale.sites.regions import parse_region

SEEDS = HERE / "seeds"
SQUARE = [[[0, 0], [90, 0], [90, 90], [0, 90], [0, 0]]]


def seeds(*names: str):
    return lambda: [(SEEDS / name).read_bytes() for name in names]


def regions() -> list[bytes]:
    polygon = {"type": "Polygon", "coordinates": SQUARE}
    several = {"type": "MultiPolygon", "coordinates": [SQUARE, SQUARE]}
    feature = {"type": "Feature", "geometry": polygon, "properties": {"name": "a"}}
    feature["properties"] |= {"classification": {"name": "Tumor"}, "objectType": "annotation"}
    whole = {"type": "FeatureCollection", "features": [feature, feature]}
    group = {"type": "GeometryCollection", "geometries": [polygon, several]}
    return [
        json.dumps(one).encode() for one in (polygon, several, feature, whole, group, [feature])
    ]


def read_region(path: Path) -> None:
    parse_region(path).contains([0, 5, 1e9], [0, 5, 7])


def read_box(path: Path) -> None:
    parse_region(path.read_text(encoding="utf-8", errors="replace"))


def read_rows(path: Path) -> None:
    rows = list(Lines(path).rows())
    markdown(summarize(rows))
    for row in rows:
        if row["error"] is None:
            unflatten(row)


def read_report(path: Path) -> None:
    report = Report.from_json(path.read_bytes())
    headline(report)
    explain(report)
    sites_csv(report)
    sites_geojson(report)


def read_list(path: Path) -> None:
    list_slides([str(path)])
    list_slides(["-"], path.read_bytes())


TABLES = [b'slide,cohort\na.svs,A\n"b,c.svs",B\n', b"slide\na.svs\n", b"a.svs\nb.svs\n"]
TABLES += [(CASES / name).read_bytes() for name in ("slide_mpp.csv", "trident.csv", "list.tsv")]
TABLES += [b"slide;cohort;mpp_x;mpp_y\na.svs;A;0,5;0,25\nb.svs;B;;\n"]
MANIFESTS = [b"slide,scale,group,class\na.svs,2.0,x,\nb.svs,4,y,1\n", b"slide,mpp\na.svs,0.5\n"]
NOTES = [json.dumps({"asked": {"network": "figures", "sites": 3}, "state": "ab"}).encode()]

TARGETS = [
    Target("responses", ".npz", seeds("responses.npz"), Responses.load),
    Target("overlap", ".npz", seeds("overlap.npz"), Overlap.load),
    Target("profile", ".safetensors", seeds("profile.safetensors"), load_profile),
    Target("report", ".json", seeds("report.json"), read_report, text=True,
           allowed=(pydantic.ValidationError,)),
    Target("rows", ".jsonl", seeds("rows.jsonl"), read_rows, text=True,
           allowed=(pydantic.ValidationError,)),
    Target("geojson", ".geojson", regions, read_region, text=True),
    Target("box", ".txt", lambda: [b"0,0,100,100", b"1e3,2.5,70,80"], read_box, text=True),
    Target("list", ".csv", lambda: TABLES, read_list, text=True),
    Target("manifest", ".csv", lambda: MANIFESTS, read_manifest, text=True),
    Target("note", ".json", lambda: NOTES, read_note, text=True),
]  # fmt: skip
