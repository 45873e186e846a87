"""The words of the reasons that sweeps give, by code."""

from offmanifold._core.reasons import N_, register

register(
    "transition",
    {
        "everywhere": N_("everywhere in the sweep"),
        "nowhere": N_("nowhere in the sweep"),
        "first": N_("at the smallest strength already, on average"),
        "last": N_("not at the largest strength, on average"),
        "too_few": N_("fewer than two strengths have been audited"),
        "no_manifold": N_("the gradients were not held against a manifold"),
        "no_standard": N_("there is no standard model to compare accuracies with"),
    },
)
