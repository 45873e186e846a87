"""The texts of a page's head, what it says first and its warnings."""

from offmanifold._core.reasons import N_

SUMMARY: dict[str, str] = {
    # --- head
    "title": N_("Where is this model sensitive?"),
    "title.many": N_("Where are these models sensitive?"),
    "data.line": N_("{data} · {n} images of the {split} split · {size}"),
    "data.classes": N_("{n} classes"),
    "data.pixels": N_("{w} × {h} pixels, {colour}"),
    "data.unlabelled": N_("no labels"),
    "colour.1": N_("grey"),
    "colour.3": N_("colour"),
    "colour.other": N_("{n} channels"),
    "split.train": N_("training"),
    "split.val": N_("validation"),
    "split.test": N_("test"),
    "split.all": N_("whole"),
    "joined": N_("{first} {second}"),
    "and": N_(", "),
    "colon": N_(": "),
    "brackets": N_(" ({text})"),
    # --- what this page says
    "says": N_("What this page says"),
    "says.one": N_("One model was examined."),
    "says.many": N_("{n} models were compared."),
    "says.bayes-aligned": N_(
        "Sound: {labels}. Accuracy is kept, and the gradients follow the way real images "
        "vary, so they are worth showing to people."
    ),
    "says.weak": N_(
        "Not robust enough: {labels}. The gradients follow real images no more than "
        "their controls do; do not read them as explanations."
    ),
    "says.excessive": N_("Too robust: {labels}. Accuracy was given up for robustness."),
    "says.collapsed": N_(
        "Collapsed: {labels}. The answer is nearly the same whatever the image; "
        "no other number of it counts."
    ),
    "says.uncertain": N_(
        "Undecided: {labels}. These images do not settle it; the reason below says what would."
    ),
    "says.best": N_(
        "A place to start: {label}. Of the sound models it has the highest measured accuracy "
        "under attack, {robust}, with {clean} on clean images."
    ),
    "says.none": N_("None of the models is sound in this sense."),
    "says.between": N_("A strength between the weak and the excessive ones is worth trying."),
    # --- warnings
    "warn.dependent": N_(
        "{label}: the manifold is not independent. The model was trained with the very "
        "manifold that judges it here, so its alignment numbers prove nothing."
    ),
    "warn.projected": N_(
        "{label}: the manifold is not independent of this gradient, which goes through the very "
        "denoiser that judges it and lies on it by construction: judge it by another (--second)."
    ),
    "warn.unusable": N_(
        "{label}: the manifold did not pass its own checks; what needs it was not measured."
    ),
    "warn.no_manifold": N_(
        "{label}: audited without a manifold, so whether the gradients follow real images "
        "was not measured."
    ),
    "warn.data": N_(
        "The audits were not made on the same data; differences between models may be "
        "differences between data."
    ),
    "warn.manifolds": N_(
        "The audits used different manifolds; on-manifold numbers of different models are not "
        "strictly comparable. The target shown is that of {label}."
    ),
    "warn.zero": N_("{label}: {n} images have a zero gradient; they count as cosine 0."),
    "warn.masked": N_(
        "{label}: gradients may be masked, so that attacks by gradient say too much: {signs}. Do "
        "not trust its accuracy under attack."
    ),
    "masked.black_box": N_(
        "{share} of the images are broken by an attack without gradients after all the others"
    ),
    "masked.own_norm": N_("{share} stay right at an ε of the image's own norm"),
    "masked.more_steps": N_("twice the steps break {share} more"),
    "warn.out_of_reach": N_(
        "{label}: ε = {eps} is above {cap}, the largest radius its certificates can reach, so its "
        "certified accuracy is 0 whatever the model. Audit with a larger --certify or a smaller "
        "--eps."
    ),
    "warn.temperature_lowest": N_(
        "{label}: the fitted temperature stands at the lower end of its range: its few mistakes "
        "lie at the very boundary, and its probabilities are all drawn near 0 or 1."
    ),
    "warn.temperature_highest": N_(
        "{label}: the fitted temperature stands at the upper end of its range: the logits tell "
        "nothing of the labels, and all probabilities are drawn alike."
    ),
    "warn.uncredited": N_(
        "{high} has more of its gradient on the manifold than {low} ({difference}), but in a fake "
        "manifold, which knows no image, the difference is not clearly smaller ({fakes}): this "
        "ranking is not credited to the manifold."
    ),
    "warn.uncredited_more": N_(
        "So it is with {n} more pairs of models (“credit” in compare.json)."
    ),
    "fake.low_pass": N_("low frequencies"),
    "fake.global_pca": N_("global principal components"),
    "warn.pictures": N_(
        "{label}: the pictures are missing. The file panels.safetensors could not be read, or "
        "holds other images than the other audits."
    ),
}
"""{key: English}, part of `texts.TEXTS`."""
