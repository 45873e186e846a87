"""Sessions as Python opens them: of what is in hand, or of specs."""

import os
from dataclasses import replace

import pytest
import torch
from torch import nn

import offmanifold as om
from offmanifold.synthesis import Ascent, Method, SessionConfig, generate_gallery, open_session
from small_training import images

METHOD = Method(mode="ascent", ascent=Ascent(steps=2))


@pytest.fixture(scope="module")
def data() -> om.Data:
    return images(n=96)


@pytest.fixture
def linear() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 2))


def test_a_bare_module_and_data_in_hand_make_a_gallery_that_is_found_again(
    data, linear, tmp_path, monkeypatch
):
    config = SessionConfig(linear.train(), data, None, METHOD)
    made = generate_gallery(open_session(config), [1], n=2, folder=str(tmp_path / "made"))
    assert all(m.training for m in linear.modules())
    assert all(p.requires_grad and p.grad is None for p in linear.parameters())
    assert [row.name for row in made.record.rows] == ["right-000", "right-001"]
    assert made.record.manifold is None and made.record.config["mode"] == "ascent"
    assert om.synthesis.read_gallery(made.folder) == made.record
    names = {"right-000.png", "right-001.png", "synthesis.json", "images.safetensors"}
    assert names < set(os.listdir(made.folder)) and "index.html" not in os.listdir(made.folder)

    def never(*args, **more):
        raise AssertionError

    monkeypatch.setattr("offmanifold.synthesis.galleries.generation.generate", never)
    assert generate_gallery(open_session(config), [1], n=2, folder=made.folder) == made
    other = replace(config, method=replace(METHOD, ascent=Ascent(steps=3)))
    with pytest.raises(om.InputError, match="other settings; choose another `folder`"):
        generate_gallery(open_session(other), [1], n=2, folder=made.folder)


def test_the_same_gallery_twice_at_once_is_refused(data, linear, tmp_path, monkeypatch):
    from offmanifold.synthesis.galleries import generation

    session, real, refused = open_session(SessionConfig(linear, data, None, METHOD)), None, []
    real = generation.generate

    def again(*args, **more):
        if not refused:
            with pytest.raises(om.InputError, match=r"writes in .*made; wait"):
                refused.append(None)
                generate_gallery(session, n=2, folder=tmp_path / "made")
        return real(*args, **more)

    monkeypatch.setattr(generation, "generate", again)
    made = generate_gallery(session, n=2, folder=tmp_path / "made")
    assert refused and len(made.record.rows) == 2
    assert os.listdir(tmp_path) == ["made"]


def test_a_manifold_in_hand_is_taken_as_it_is(here, tmp_path):
    manifold = om.load_manifold("runs/manifold")
    config = SessionConfig(om.load_model("runs/robust"), manifold=manifold, method=Method())
    session = open_session(config).equipped()
    assert session.manifold is manifold and session.method.mode == "denoised"
    named = open_session(replace(config, manifold="runs/manifold")).equipped()
    assert named.manifold is not None and named.manifold.card == manifold.card


def test_sentences_speak_python(data, linear):
    config = SessionConfig(linear, method=METHOD)
    with pytest.raises(om.InputError, match="give `data` or `image_size`"):
        open_session(replace(config, manifold=None))
    with pytest.raises(om.InputError, match="`batch_size` must be 1 or more, not 0"):
        open_session(replace(config, batch_size=0))
    sized = open_session(replace(config, image_size=(8, 8), channels=1))
    assert sized.classes == ("0", "1") and sized.shape == (1, 8, 8)
    with pytest.raises(om.InputError, match="give the session its `data`"):
        generate_gallery(sized)
