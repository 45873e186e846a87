"""What a command says to bad input."""


def says(result, code: int, *words: str) -> None:
    """Assert the exit code and one sentence on stderr that holds these words."""
    got, _, err = result
    last = err.strip().splitlines()[-1]
    assert got == code, err
    assert last.startswith("error: "), err
    for word in words:
        assert word in last, last
