"""Outputs of a model and classes of the data, matched by name and never by position."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from offmanifold._core.errors import InputError
from offmanifold._core.files import read_json
from offmanifold.models.card import Loaded
from offmanifold.models.name_match import Named, Names, escaped, look_alike

BY_INDEX = "by-index"
MEND = "give `classes` map.json, or `classes` by-index if outputs and classes are in one order"

Match = tuple[tuple[int, ...], ...]  # the model's outputs of each class of the data


class LabelJoin(nn.Module):
    """Logits (n, outputs) → logits (n, classes): logsumexp over the outputs of each class.

    So a class has the probability of its outputs together; outputs of no class are left out.

    >>> LabelJoin(((2,), (0, 1)))(torch.tensor([[0.0, 0.0, 5.0]]))
    tensor([[5.0000, 0.6931]])
    """

    def __init__(self, match: Match):
        super().__init__()
        most = max(len(outputs) for outputs in match)
        index = torch.zeros(len(match), most, dtype=torch.long)
        absent = torch.ones(len(match), most, dtype=torch.bool)
        for row, outputs in enumerate(match):
            index[row, : len(outputs)] = torch.tensor(outputs)
            absent[row, : len(outputs)] = False
        self.register_buffer("index", index, persistent=False)  # (classes, most)
        self.register_buffer("absent", absent, persistent=False)
        self.index: Tensor
        self.absent: Tensor

    def forward(self, logits: Tensor) -> Tensor:
        return logits[:, self.index].masked_fill(self.absent, -torch.inf).logsumexp(-1)


def adapt_labels(
    loaded: Loaded, data_classes: Names | None, mapping: str | Path | Names | Mapping | None = None
) -> nn.Module:
    """Return the model with the data's classes as outputs, in the data's order, in eval mode.

    data_classes: None for images without labels, which keep the model's own outputs. mapping:
    "by-index", the path of a JSON file, or its content (see `match_labels`).
    """
    if data_classes is None:
        return loaded.module.eval()
    is_file = isinstance(mapping, (str, Path)) and mapping != BY_INDEX
    content: Any = read_json(Path(mapping)) if is_file else mapping  # type: ignore[arg-type]
    card = loaded.card
    match = match_labels(card.classes, card.synonyms, data_classes, card.outputs, content)
    if match == tuple((i,) for i in range(card.outputs or len(card.classes or ()))):
        return loaded.module.eval()
    return nn.Sequential(loaded.module, LabelJoin(match)).eval()


def match_labels(
    model_classes: Names | None,
    synonyms: Sequence[Names] | None,
    data_classes: Names,
    outputs: int | None = None,
    mapping: str | Names | Mapping | None = None,
) -> Match:
    """Return, for each class of the data, the indices of the model's outputs that mean it.

    Names are held against each other as `Named` does: exactly, else by forms that no two names
    of a side share; a class of no such name is looked for among the synonyms. Outputs of one and
    the same name join. mapping: "by-index"; a list of names in the order of the outputs; {output
    index or name: class of the data}; or {class of the data: [output indices or names]}. Raises
    InputError where no names are known, a class has no output, or an output would have two.
    """
    outputs = outputs or (len(model_classes) if model_classes else None)
    if isinstance(mapping, Mapping):
        match = _match_map(mapping, model_classes, data_classes, outputs)
    elif mapping == BY_INDEX:
        if outputs is not None and outputs != len(data_classes):
            raise InputError(
                f"`classes` by-index needs as many outputs as classes, not {outputs} and "
                f"{len(data_classes)}; give `classes` map.json"
            )
        match = tuple((i,) for i in range(len(data_classes)))
    elif mapping is not None:
        if isinstance(mapping, str) or not isinstance(mapping, Sequence):
            raise InputError('`classes` takes a JSON list or object, or "by-index"')
        if outputs is not None and len(mapping) != outputs:
            raise InputError(f"`classes` lists {len(mapping)} names for {outputs} outputs")
        model_classes = [str(name) for name in mapping]
        match = _match_names(model_classes, None, data_classes)
    elif model_classes is None:
        raise InputError(
            f"nobody knows the names of the model's {outputs or ''} outputs, and the order of "
            f"folders is no evidence; {MEND}"
        )
    else:
        match = _match_names(model_classes, synonyms, data_classes)
    _check(match, model_classes, data_classes)
    return match


def _match_names(
    model_classes: Names, synonyms: Sequence[Names] | None, data_classes: Names
) -> Match:
    names, others, ours = _named(model_classes), Named(synonyms or []), _named(data_classes)
    return tuple(tuple(names.find(c, ours) or others.find(c, ours)) for c in data_classes)


def _named(names: Names | None) -> Named:
    return Named([(name,) for name in names or ()])


def _match_map(
    mapping: Mapping, model_classes: Names | None, data_classes: Names, outputs: int | None
) -> Match:
    pairs: list[tuple[object, object]] = []  # (output, class of the data)
    for key, value in mapping.items():
        if isinstance(value, str):
            pairs.append((key, value))
        else:
            pairs.extend((out, key) for out in (value if isinstance(value, list) else [value]))
    outputs_of, classes_of = _named(model_classes), _named(data_classes)
    match: list[list[int]] = [[] for _ in data_classes]
    for output, name in pairs:
        found = _outputs_named(output, outputs_of)
        if not found or (outputs is not None and max(found) >= outputs):
            raise InputError(f'`classes`: the model has no output "{output}"')
        owners = classes_of.find(str(name))
        if len(owners) != 1:
            raise InputError(
                f'`classes`: "{name}" is no class of the data ({_short(data_classes)})'
            )
        match[owners[0]].extend(found)
    return tuple(tuple(sorted(set(found))) for found in match)


def _check(match: Match, model_classes: Names | None, data_classes: Names) -> None:
    lost = [name for name, found in zip(data_classes, match, strict=True) if not found]
    if lost:
        raise InputError(
            f"no output of the model is named like {_short(lost)}; the model has "
            f"{_short(model_classes or ['no names'])}, the data {_short(data_classes)}"
            f"{_confusion(lost, model_classes or (), data_classes)}; {MEND}"
        )
    owner: dict[int, str] = {}
    for name, found in zip(data_classes, match, strict=True):
        for output in found:
            if output in owner:
                raise InputError(
                    f'output {output} of the model means both "{owner[output]}" and "{name}"; '
                    "give `classes` map.json"
                )
            owner[output] = name


def _outputs_named(output: object, names: Named) -> list[int]:
    """Return the outputs of that name, else the one of that index (a string in JSON's keys)."""
    by_name = names.find(output) if isinstance(output, str) else []
    return by_name or ([int(str(output))] if str(output).isdecimal() else [])


def _confusion(lost: Names, model_classes: Names, data_classes: Names) -> str:
    """Say what differs where names that are not taken for one another look alike."""
    said = ""
    for name in lost[:3]:
        like = sorted({n for n in (*model_classes, *data_classes) if look_alike(name, n)})
        if like:
            shown = ", ".join(f'"{escaped(n)}"' for n in like[:4])
            said += f'; "{escaped(name)}" is like {shown}, but not the same, and which is not clear'
    return said


def _short(names: Names) -> str:
    return ", ".join(names[:8]) + (f", … ({len(names)} in all)" if len(names) > 8 else "")


def label_map(classes: str | None) -> Any:
    """Return what `classes` gives, as plain JSON: its content counts, wherever the file lies."""
    if classes is None or classes == BY_INDEX:
        return classes
    try:
        return read_json(Path(classes))
    except InputError:
        return classes
