"""The texts of a recommendation."""

from offmanifold._core.reasons import N_

RECOMMENDED: dict[str, str] = {
    "recommend.title": N_("Recommendation"),
    "recommend.gain": N_("Above the standard model"),
    "recommend.over_control": N_("Above its best control"),
    "recommend.loss": N_("Accuracy lost to the standard model (points)"),
    "recommend.acceptable": N_("Acceptable"),
    "recommend.yes": N_("yes"),
    "recommend.no": N_("no"),
    "recommend.collapsed": N_("collapsed"),
    "recommend.none": N_(
        "No strength tried is acceptable (accuracy lost at most {loss} points, and the robustness "
        "asked for): allow more loss (--accuracy-loss), start lower (--start), or allow more runs "
        "(--most); {field} was varied."
    ),
    "recommend.fragile": N_(
        "No strength tried is robust enough (accuracy under attack of at least {least}), though "
        "accuracy is kept: start higher (--start), ask less (--robust-accuracy), or allow more "
        "runs (--most); {field} was varied."
    ),
    "recommend.not_both": N_(
        "Weak ones of the strengths tried keep accuracy but are not robust enough (accuracy under "
        "attack of at least {least}), and stronger ones lose more than {loss} points: ask less "
        "(--robust-accuracy), allow more loss (--accuracy-loss), or allow more runs (--most); "
        "{field} was varied."
    ),
    "recommend.best": N_(
        "Train with {field} = {strength}: {title} {value}, against {standard} of the standard "
        "model (difference {gain}); accuracy lost {lost} points, where {loss} are allowed; on {n} "
        "validation images."
    ),
    "recommend.no_better": N_(
        "No acceptable strength tried is shown to be better than the standard model: the best of "
        "them, {field} = {strength}, has {title} {value}, against {standard} (difference {gain}); "
        "accuracy lost {lost} points, where {loss} are allowed; on {n} validation images. More "
        "images (--limit) or runs (--most) may show a difference."
    ),
    "recommend.model": N_("The model so trained is {folder}; audit it on test images."),
    "recommend.edge": N_(
        "It is the largest strength tried: a larger {field} may be better still (--most)."
    ),
}
"""{key: English}, part of `texts.TEXTS`."""
