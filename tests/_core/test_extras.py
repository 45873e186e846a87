import sys
from pathlib import Path

import pytest

from offmanifold._core.errors import InputError, MissingExtra
from offmanifold._core.extras import (
    cannot_make,
    first_line,
    import_extra,
    unknown_architecture,
)


def test_present_package():
    assert import_extra("json", "x").dumps([]) == "[]"


def test_missing_package_is_named_with_its_extra():
    with pytest.raises(MissingExtra, match=r'x needs no_such.*"offmanifold\[no_such\]"'):
        import_extra("no_such.part", "x")


def test_broken_package_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "broken_extra.py").write_text("raise RuntimeError('no operator\\nmore')")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(InputError, match=r"cannot be imported \(no operator\)") as caught:
        import_extra("broken_extra", "x")
    assert not isinstance(caught.value, MissingExtra)
    assert "broken_extra" not in sys.modules


def test_first_line():
    assert first_line(ValueError("a\nb")) == "a"
    assert first_line(KeyboardInterrupt()) == "KeyboardInterrupt"


def test_unknown_architecture_shows_the_nearest_only():
    error = unknown_architecture("timm", "resnt18", [f"net{i}" for i in range(50)] + ["resnet18"])
    assert 'did you mean "resnet18"' in str(error)
    assert str(error).count("net") < 10


def test_failed_download_has_a_mend():
    assert "`weights` FILE" in str(cannot_make("timm:x", OSError("offline"), pretrained=True))
    assert "`weights`" not in str(cannot_make("timm:x", ValueError("odd"), pretrained=False))
