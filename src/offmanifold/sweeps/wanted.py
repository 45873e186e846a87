"""Which measure `recommend` can make as high as possible."""

from offmanifold._core.errors import InputError
from offmanifold.measures import measures
from offmanifold.measures.lpips import DOWNLOAD, NO_WEIGHTS, find_weights, lpips_lacks
from offmanifold.sweeps.config import SweepConfig

NEVER = {
    "certify": "recommend certifies nothing (`certify` of audit)",
    "thorough": "recommend attacks by PGD alone (`thorough` is of audit)",
}
"""{what a measure needs: why runs of recommend never have it}."""


def check_wanted(wanted: str, config: SweepConfig) -> None:
    """Raise InputError, before anything long is begun, for a measure that no run will have.

    Likewise for one that is the better the lower. What the images or the manifold lack is told
    once they are there.
    """
    kind = measures[wanted]
    if kind.better == "lower":
        raise InputError(
            f"{wanted} is the better the lower, and what is wanted is to be high; want another "
            "(`wanted`)"
        )
    never = _never()
    reason = next((said for need, said in never.items() if need in kind.needs), None)
    if reason is not None:
        known = [n for n, m in measures.items() if m.better == "higher" and not m.needs & {*never}]
        raise InputError(
            f"{wanted} (`wanted`) cannot be had: {reason}; want one of {', '.join(sorted(known))}"
        )
    given = {
        "explain": config.audit.explain,
        "second": config.second not in (None, "none"),
        "manifold": config.manifold != "none",
    }
    for need in [n for n, is_given in given.items() if n in kind.needs and not is_given]:
        raise InputError(f"{wanted} (`wanted`) needs `{need}`; give it, or want another")


def _never() -> dict[str, str]:
    lacks = lpips_lacks(find_weights(None))
    if lacks is None:
        return NEVER
    said = (
        f"LPIPS lacks its weights; get them with {DOWNLOAD}" if lacks == NO_WEIGHTS else str(lacks)
    )
    return {**NEVER, "lpips": said}
