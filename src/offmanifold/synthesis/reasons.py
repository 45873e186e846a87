"""The words of the warnings that making images gives, by code."""

from offmanifold._core.reasons import N_, register

register(
    "synthesis",
    {
        "weak": N_(
            "{model} is in the weak regime (not robust enough): by its gradient alone the results "
            "may look like noise."
        ),
        "excessive": N_(
            "{model} is in the excessive regime (too robust): it has lost accuracy, and its "
            "results may be of another class than asked for."
        ),
        "collapsed": N_(
            "{model} is in the regime collapsed: it cannot tell the classes apart, and the results "
            "mean nothing."
        ),
        "chance": N_(
            "{model} is right on {accuracy!p} of images, and naming the largest class always would "
            "be right on {chance!p}: it cannot tell the classes apart, and the results mean "
            "nothing."
        ),
        "sensitive": N_(
            "{model} ({regime}) is not robust: an attack of l2 norm {eps} brings its accuracy from "
            "{clean!p} down to {under!p}, so that by its gradient alone the results may look like "
            "noise."
        ),
        "standard": N_(
            "{model} ({regime}) was trained without any robustness (erm): by its gradient alone "
            "the results may look like noise."
        ),
        "mistaken": N_(
            "{model} ({regime}) is right on only {accuracy!p} of images: its results may be of "
            "another class than asked for."
        ),
    },
)
