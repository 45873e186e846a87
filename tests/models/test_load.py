import json
from functools import partial
from pathlib import Path

import pytest
import torch
from torch import nn

from offmanifold._core.errors import InputError
from offmanifold._core.files import write_json, write_tensors
from offmanifold.models.labels import adapt_labels
from offmanifold.models.load import build_model, load_model

ABC = ("a", "b", "c")
GREY = (1, 16, 8)
COLOUR = (3, 32, 32)


@pytest.fixture
def linear_file(tmp_path: Path) -> str:
    (tmp_path / "mine.py").write_text(
        "from torch import nn\n"
        "def make(k=3):\n    return nn.Sequential(nn.Flatten(), nn.Linear(128, k))\n"
        "def binary():\n    return make(1)\n"
    )
    return f"{tmp_path / 'mine.py'}"


def test_fresh_small_resnet_is_for_the_data():
    loaded = load_model("small-resnet", classes=ABC, shape=GREY)
    assert loaded.module(torch.rand(2, *GREY)).shape == (2, 3)
    assert not loaded.module.training
    card = loaded.card
    assert (card.classes, card.outputs, card.spec) == (ABC, 3, "small-resnet")
    assert card.parameters == sum(p.numel() for p in loaded.module.parameters())


def test_weights_drawn_depend_on_the_seed_and_leave_the_generator():
    state = torch.get_rng_state()
    one = build_model("small-resnet", classes=ABC, shape=GREY, seed=0)
    assert torch.get_rng_state().equal(state)
    torch.rand(3)
    same = build_model("small-resnet", classes=ABC, shape=GREY, seed=0)
    other = build_model("small-resnet", classes=ABC, shape=GREY, seed=1)
    assert one.card.weights_hash == same.card.weights_hash != other.card.weights_hash


def test_relu_is_an_option_of_the_spec():
    smooth = load_model("small-resnet", classes=ABC, shape=GREY).module
    relu = load_model("small-resnet:relu", classes=ABC, shape=GREY).module
    relu.load_state_dict(smooth.state_dict())
    x = torch.rand(2, *GREY)
    assert not relu(x).equal(smooth(x))


def test_small_resnet_weights_bring_their_names_or_none(tmp_path: Path):
    trained = load_model("small-resnet", classes=("x", "y"), shape=GREY).module
    path = tmp_path / "w.safetensors"
    write_tensors(path, trained.state_dict())
    assert load_model("small-resnet", path, classes=ABC, shape=GREY).card.classes is None
    write_tensors(path, trained.state_dict(), {"classes": json.dumps(["x", "y"])})
    loaded = load_model("small-resnet", path, classes=ABC, shape=GREY)
    assert loaded.card.classes == ("x", "y")
    x = torch.rand(2, *GREY)
    assert loaded.module(x).equal(trained(x))


def test_python_file_with_weights_is_the_linear_model(tmp_path: Path, linear_file: str):
    w, b = torch.randn(3, 128), torch.randn(3)
    torch.save({"model": {"module.1.weight": w, "module.1.bias": b}}, tmp_path / "best.pth")
    loaded = load_model(f"{linear_file}:make", tmp_path / "best.pth", shape=GREY)
    x = torch.rand(4, *GREY)
    torch.testing.assert_close(loaded.module(x), x.flatten(1) @ w.T + b)


def test_one_logit_becomes_two(linear_file: str):
    loaded = load_model(f"{linear_file}:binary", shape=GREY)
    assert loaded.card.outputs == 2
    assert loaded.module(torch.rand(2, *GREY))[:, 0].equal(torch.zeros(2))


def test_python_file_must_match_the_data_in_training(linear_file: str):
    made = build_model(f"{linear_file}:make", classes=ABC, shape=GREY, for_training=True)
    assert made.card.classes == ABC
    with pytest.raises(InputError, match="has 3 outputs and the data have 2 classes"):
        build_model(f"{linear_file}:make", classes=ABC[:2], shape=GREY, for_training=True)


def test_names_must_be_as_many_as_outputs(tmp_path: Path, linear_file: str):
    module = nn.Sequential(nn.Flatten(), nn.Linear(128, 3))
    torch.save({"state_dict": module.state_dict(), "classes": ["a"]}, tmp_path / "a.pth")
    with pytest.raises(InputError, match="names 1 classes but has 3 outputs"):
        load_model(f"{linear_file}:make", tmp_path / "a.pth", shape=GREY)


def test_unknown_spec_and_wrong_image_size(linear_file: str):
    with pytest.raises(InputError, match='did you mean "small-resnet"'):
        load_model("smal-resnet", classes=ABC, shape=GREY)
    with pytest.raises(InputError, match=r"8×8×1 .*`image_size`"):
        load_model(f"{linear_file}:make", shape=(1, 8, 8))
    with pytest.raises(InputError, match="needs their image shape and classes"):
        load_model("small-resnet")
    with pytest.raises(InputError, match="training needs labelled images"):
        build_model(f"{linear_file}:make", classes=None, shape=GREY, for_training=True)


# Runs


def save_run(folder: Path, spec: str, shape=GREY, **options) -> nn.Module:
    made = build_model(spec, classes=ABC, shape=shape, for_training=True, **options)
    c, h, w = shape
    model = {"spec": spec, "channels": c, "height": h, "width": w, "classes": list(ABC)}
    config = {"format": 1, "model": model, "objective": {"name": "pgd"}, "manifold": "12ab"}
    write_json(folder / "config.json", config)
    write_tensors(folder / "model.safetensors", made.module.state_dict())
    return made.module


def test_a_run_is_rebuilt(tmp_path: Path):
    trained = save_run(tmp_path / "pgd-1.0-3f2a00000000", "small-resnet", seed=5)
    loaded = load_model(f"{tmp_path}/pgd-1.0")
    x = torch.rand(2, *GREY)
    assert loaded.module(x).equal(trained(x))
    card = loaded.card
    assert card.classes == ABC
    assert card.label == "pgd-1.0-3f2a00000000"
    assert card.objective == {"name": "pgd"}
    assert card.manifold == "12ab"
    assert card.input_shape == GREY
    assert card.config["model"]["spec"] == "small-resnet"


def test_a_folder_of_a_run_may_hold_a_colon(tmp_path: Path):
    for name in ("12:30", "net.py:make"):
        trained = save_run(tmp_path / name, "small-resnet", seed=5)
        x = torch.rand(2, *GREY)
        assert load_model(f"{tmp_path}/{name}").module(x).equal(trained(x))
    with pytest.raises(InputError, match="unknown model"):
        load_model(f"{tmp_path}/nothing:make")


def test_a_run_of_one_logit_is_rebuilt(tmp_path: Path, linear_file: str):
    made = build_model(f"{linear_file}:binary", classes=ABC[:2], shape=GREY, for_training=True)
    model = {"spec": f"{linear_file}:binary", "channels": 1, "height": 16, "width": 8}
    write_json(tmp_path / "r" / "config.json", {"model": {**model, "classes": ["a", "b"]}})
    write_tensors(tmp_path / "r" / "model.safetensors", made.module.state_dict())
    x = torch.rand(2, *GREY)
    with pytest.raises(InputError, match=r"is Python code, .*:binary.*`allow_code`"):
        load_model(str(tmp_path / "r"))
    again = load_model(str(tmp_path / "r"), allow_code=True)
    assert again.module(x).equal(made.module(x))


def test_a_run_from_elsewhere_runs_no_code(tmp_path: Path):
    """Its config may name any file, here one that would leave a trace."""
    (tmp_path / "net.py").write_text(
        f"open({str(tmp_path / 'trace')!r}, 'w').close()\ndef make(): ...\n"
    )
    model = {"spec": f"{tmp_path}/net.py:make", "channels": 1, "height": 16, "width": 8}
    write_json(tmp_path / "r" / "config.json", {"model": {**model, "classes": ["a", "b"]}})
    write_tensors(tmp_path / "r" / "model.safetensors", {"x": torch.ones(1)})
    for load in (load_model, partial(build_model, classes=None, shape=None)):
        with pytest.raises(InputError, match="`allow_code`"):
            load(str(tmp_path / "r"))
        with pytest.raises(InputError, match="`allow_code`"):
            load(f"{tmp_path}/r", weights=tmp_path / "r" / "model.safetensors")
    assert not (tmp_path / "trace").exists()


def test_a_run_tells_that_images_of_another_kind_do_not_fit(tmp_path: Path):
    save_run(tmp_path / "a", "small-resnet")
    with pytest.raises(InputError, match="16×8×3"):
        load_model(str(tmp_path / "a"), shape=(3, 16, 8))


def test_training_starts_from_a_run_under_a_new_head(tmp_path: Path):
    trained = save_run(tmp_path / "a", "small-resnet", seed=5)
    started = build_model(str(tmp_path / "a"), classes=("x", "y"), shape=GREY, for_training=True)
    assert started.card.spec == "small-resnet"
    assert started.card.classes == ("x", "y")
    assert started.module(torch.rand(2, *GREY)).shape == (2, 2)
    assert started.module.stem.weight.equal(trained.stem.weight)  # type: ignore[union-attr]


# Others' architectures


def timm_state(classes: int = 1000, **options) -> tuple[nn.Module, dict]:
    timm = pytest.importorskip("timm")
    torch.manual_seed(1)
    model = timm.create_model("test_resnet", num_classes=classes, **options).eval()
    return model, model.state_dict()


def test_timm_with_imagenet_head_and_folders_of_another_order(tmp_path: Path):
    model, state = timm_state()
    torch.save(state, tmp_path / "w.pth")
    loaded = load_model("timm:test_resnet", tmp_path / "w.pth", shape=COLOUR)
    assert loaded.card.outputs == 1000
    assert loaded.card.licence == "apache-2.0"
    adapted = adapt_labels(loaded, ["n01443537", "tench", "great white shark"])
    x = torch.rand(2, *COLOUR)
    torch.testing.assert_close(adapted(x), model((x - 0.5) / 0.5)[:, [1, 0, 2]])


def test_timm_with_a_local_checkpoint_of_another_class_count(tmp_path: Path):
    model, state = timm_state(classes=4)
    classes = ["scratch", "good", "dent", "stain"]
    torch.save(
        {"state_dict": {f"module.{k}": v for k, v in state.items()}, "classes": classes},
        tmp_path / "best.pth",
    )
    loaded = load_model("timm:test_resnet", tmp_path / "best.pth", shape=COLOUR)
    assert loaded.card.classes == tuple(classes)
    x = torch.rand(2, *COLOUR)
    logits = model((x - 0.5) / 0.5)
    torch.testing.assert_close(loaded.module(x), logits)
    adapted = adapt_labels(loaded, sorted(classes))
    torch.testing.assert_close(adapted(x), logits[:, [2, 1, 0, 3]])


def test_another_class_count_without_names_has_no_imagenet_names(tmp_path: Path):
    torch.save(timm_state(classes=4)[1], tmp_path / "best.pth")
    loaded = load_model("timm:test_resnet", tmp_path / "best.pth", shape=COLOUR)
    assert loaded.card.classes is None
    with pytest.raises(InputError, match="by-index"):
        adapt_labels(loaded, ["a", "b", "c", "d"])


def test_timm_sees_grey_images_in_three_channels_unless_made_for_grey(tmp_path: Path):
    x = torch.rand(2, 1, 32, 32)
    model, state = timm_state()
    torch.save(state, tmp_path / "w.pth")
    loaded = load_model("timm:test_resnet", tmp_path / "w.pth", shape=(1, 32, 32))
    torch.testing.assert_close(loaded.module(x), model((x.expand(-1, 3, -1, -1) - 0.5) / 0.5))
    model, state = timm_state(in_chans=1)
    torch.save(state, tmp_path / "w.pth")
    loaded = load_model("timm:test_resnet", tmp_path / "w.pth", shape=(1, 32, 32))
    torch.testing.assert_close(loaded.module(x), model((x - 0.5) / 0.5))


def test_timm_is_trained_under_the_data_s_head_and_rebuilt_without_a_download(tmp_path: Path):
    pytest.importorskip("timm")
    trained = save_run(tmp_path / "a", "timm:test_resnet", shape=COLOUR, pretrained=False)
    loaded = load_model(str(tmp_path / "a"))
    x = torch.rand(2, *COLOUR)
    assert loaded.module(x).equal(trained(x))
    assert loaded.card.classes == ABC


def test_torchvision_with_local_weights(tmp_path: Path):
    torchvision = pytest.importorskip("torchvision")
    model = torchvision.models.get_model("resnet18", num_classes=3).eval()
    path = tmp_path / "w.safetensors"
    write_tensors(path, model.state_dict(), {"classes": json.dumps(["c", "a", "b"])})
    loaded = load_model("torchvision:resnet18", path, shape=COLOUR)
    x = torch.rand(2, *COLOUR)
    mean = torch.tensor((0.485, 0.456, 0.406)).view(3, 1, 1)
    std = torch.tensor((0.229, 0.224, 0.225)).view(3, 1, 1)
    logits = model((x - mean) / std)
    torch.testing.assert_close(loaded.module(x), logits)
    torch.testing.assert_close(adapt_labels(loaded, ABC)(x), logits[:, [1, 2, 0]])
    assert adapt_labels(loaded, None)(x).shape == (2, 3)


def test_weights_of_another_architecture_are_named(tmp_path: Path):
    torch.save({"conv.weight": torch.zeros(1)}, tmp_path / "w.pth")
    with pytest.raises(
        InputError, match=r"w.pth does not fit small-resnet: \d+ missing .*same arch"
    ):
        load_model("small-resnet", tmp_path / "w.pth", classes=ABC, shape=GREY)


def test_a_size_the_network_does_not_take():
    pytest.importorskip("timm")
    with pytest.raises(InputError, match=r"32×32×3 .*`image_size`"):
        build_model("timm:vit_tiny_patch16_224", classes=None, shape=COLOUR, pretrained=False)
