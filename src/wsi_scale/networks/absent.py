"""A network that is not here: all that is known of it is the µm/px that it wants.

``mpp:0.5`` and ``for:uni`` name one. Nothing can be asked of it; the ruler answers in its place.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from wsi_scale.errors import NetworkError
from wsi_scale.networks.card import make_card
from wsi_scale.networks.spec import parse_spec

if TYPE_CHECKING:
    from wsi_scale.networks.network import Network
    from wsi_scale.networks.published_models import PublishedModel

BY_MPP, BY_NAME = "mpp:", "for:"

USUAL_PX = 224
"""Side of a patch for a network whose own is not known."""

GRAMMAR = (
    "mpp:0.5, any network of 0.5 µm/px; its weights are not needed",
    "for:NAME, a published model by name, such as for:uni; its weights are not needed",
)


def is_absent(spec: str) -> bool:
    """Whether a SPEC names a network by its µm/px, or a published one by its name.

    >>> is_absent("mpp:0.5"), is_absent("for:uni"), is_absent("figures")
    (True, True, False)
    """
    return spec.startswith((BY_MPP, BY_NAME))


def absent_network(spec: str) -> Network:
    """The network of ``mpp:X``, ``for:NAME`` or ``for:NAME?mpp=X``.

    Raises NetworkError when X is not a µm/px, no such model is known, or it wants several µm/px and
    none is chosen.

    >>> absent_network("mpp:0.5").card.training_mpp
    0.5
    """
    import torch

    from wsi_scale.networks.network import Network
    from wsi_scale.networks.published_models import find_published
    from wsi_scale.networks.published_words import difference

    asked = parse_spec(spec)
    asked.refuse_arguments("a network that is not here")
    other = [key for key in asked.overrides if key not in ("training_mpp", "stain")]
    if other:
        raise NetworkError(f"{spec}: {other[0]} belongs to a network that is here; remove it")
    values = dict(asked.overrides)
    model = None
    if asked.target.startswith(BY_MPP):
        if "training_mpp" in values:
            raise NetworkError(f"{spec}: the µm/px is given twice; remove mpp=")
        values["training_mpp"] = _micrometres(asked.target.removeprefix(BY_MPP), spec)
        values["name"] = f"a network of {values['training_mpp']:g} µm/px"
    else:
        model = find_published(asked.target.removeprefix(BY_NAME))
        values = _published(model) | values
    card = make_card({"task": "classify", **values}, spec)
    if card.training_mpp is None:
        assert model is not None
        raise NetworkError(f"{spec}: {model.why_no_single_mpp}; add ?mpp=X")
    differs = "" if model is None else difference(model, card.training_mpp)
    return Network(
        spec=spec,
        card=card,
        module=torch.nn.Identity().eval(),
        device=torch.device("cpu"),
        sha256=None,
        channels=3,
        task="classify",
        classes=(),
        activation="softmax",
        input_size=card.input_size,
        stride=1,
        absent=True,
        notes=(f"{differs}; the given one is used",) if differs else (),
    )


def _published(model: PublishedModel) -> dict[str, object]:
    """What is known of a published model, as keys of a card."""
    known = {"name": model.name, "training_mpp": model.mpp, "input_size": model.patch_px}
    return {key: value for key, value in known.items() if value is not None}


def _micrometres(text: str, spec: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise NetworkError(f"{spec}: {text!r} is not a size in µm/px; for example mpp:0.5")
    return value


def spec_for(network: str | None, mpp: float | None, published: str | None, default: str) -> str:
    """The SPEC of what was asked: a network, its µm/px, a published model, or some of them.

    Parameters
    ----------
    network : str or None
        SPEC of a network that is here.
    mpp : float or None
        µm/px that it wants.
    published : str or None
        Name of a published model that it is.
    default : str
        SPEC if nothing is given.

    Returns
    -------
    str
        A SPEC for ``load_network``.

    Raises
    ------
    NetworkError
        When the published model is unknown, or wants several µm/px and none is chosen; or a network
        that is here is given a µm/px which its published model does not have.

    Examples
    --------
    >>> spec_for(None, None, None, "histology"), spec_for(None, 0.5, None, "histology")
    ('histology', 'mpp:0.5')
    >>> spec_for("timm:resnet18?num_classes=2", 0.5, None, "histology")
    'timm:resnet18?num_classes=2&mpp=0.5'
    """
    if published is not None:
        from wsi_scale.networks.published_models import find_published
        from wsi_scale.networks.published_words import difference

        model = find_published(published)
        if mpp is None and model.mpp is None:
            raise NetworkError(f"{model.why_no_single_mpp}; say which with --network-mpp")
        if network is None:
            return f"{BY_NAME}{published}" + ("" if mpp is None else f"?mpp={mpp:.9g}")
        if mpp is not None and (differs := difference(model, mpp, of_input=True)):
            raise NetworkError(f"{differs}; leave out --for or --network-mpp")
        mpp = model.input_mpp if mpp is None else mpp  # what its input sees, after any resizing
    if mpp is None:
        return network or default
    if network is None:
        return f"{BY_MPP}{mpp:.9g}"
    return f"{network}{'&' if '?' in network else '?'}mpp={mpp:.9g}"
