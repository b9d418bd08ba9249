"""Who the witnesses are: what each was taught, on which sources, at which µm/px."""

from __future__ import annotations

from dataclasses import dataclass

COLON = ("crc_val_he_7k", "nct_crc_he_100k")
"""One group cut and normalised them; their TCGA tiles and textures are kin and are not asked."""

KIN = {
    **dict.fromkeys((*COLON, "kather_texture_2016", "tcga_crc_kather"), "colon"),
    **dict.fromkeys(("camelyon16", "camelyon17"), "lymph"),
}
"""Sources of one group or of the same scanners: a witness is asked about no kin of its tissue."""

FIRST_FOUR = "nuclei, first four"
"""Four of the seven images with people's masks; who was taught them is asked about the others."""


@dataclass(frozen=True)
class Witness:
    """One network of the bench."""

    name: str
    builder: str
    norm: str
    task: str
    """masks: people's nuclei; nuclei: those that haematoxylin shows; tissue, source: classes."""
    sources: tuple[str, ...]
    mpp: float
    """µm per network px; the geometric middle if it was taught many."""
    octaves: float = 0.0
    """Width of the scales it was taught, half of it on either side of ``mpp``."""
    seed: int = 0

    @property
    def kin(self) -> set[str]:
        return {KIN.get(source, source) for source in self.sources}


ORGANS = ("tcga_pan_sbu", "tcga_luad_sbu", *COLON, "camelyon16")

WITNESSES = (
    Witness("unet_bn_lung", "unet", "batch", "nuclei", ("tcga_luad_sbu",), 0.7, seed=1),
    Witness("resnet_bn_colon", "resnet", "batch", "tissue", COLON, 0.5, seed=2),
    Witness("unet_bn_masks", "unet", "batch", "masks", (FIRST_FOUR,), 0.35, seed=3),
    Witness("vit_ln_colon", "vit", "layer", "tissue", COLON, 0.7, seed=4),
    Witness("unet_gn_pan", "unet", "group", "nuclei", ("tcga_pan_sbu",), 0.5, seed=5),
    Witness("resnet_bn_organs", "resnet", "batch", "source", ORGANS, 0.7, seed=6),
    Witness("unet_none_lymph", "unet", "none", "nuclei", ("camelyon16",), 0.4, seed=7),
    Witness("unet_bn_any", "unet", "batch", "masks", (FIRST_FOUR,), 0.7, 3.0, seed=8),
    Witness("unet_none_any", "unet", "none", "masks", (FIRST_FOUR,), 0.7, 3.0, seed=9),
    Witness("convnext_ln_organs", "convnext", "layer", "source", ORGANS, 0.5, seed=10),
    Witness("unet_bn_pan", "unet", "batch", "nuclei", ("tcga_pan_sbu",), 0.9, seed=11),
    Witness(
        "resnet_bn_lymph",
        "resnet",
        "batch",
        "source",
        ("camelyon16", "tcga_luad_sbu"),
        0.5,
        seed=12,
    ),
)
