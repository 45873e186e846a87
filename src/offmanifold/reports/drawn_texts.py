"""The texts of a page's cards, pictures and figures."""

from offmanifold._core.reasons import N_

DRAWN: dict[str, str] = {
    # --- models
    "models": N_("The models"),
    "models.intro": N_(
        "One row a model. The dot is the measured value, the bar its 95 % interval, each thin "
        "line a control: what the same measurement gives where there is nothing to find."
    ),
    "regime.weak": N_("Weak"),
    "regime.bayes-aligned": N_("Bayes-aligned"),
    "regime.excessive": N_("Excessive"),
    "regime.collapsed": N_("Collapsed"),
    "regime.variant": N_("Variant"),
    "regime.uncertain": N_("Uncertain"),
    "regime": N_("Regime"),
    "plain.weak": N_(
        "Right answers perhaps, but it also reacts to changes that no real image shows."
    ),
    "plain.bayes-aligned": N_("Accurate, and it reacts to the changes that real images show."),
    "plain.excessive": N_("So robust that it has become less accurate."),
    "plain.collapsed": N_("It gives nearly the same answer whatever it sees."),
    "plain.variant": N_("A variant of this model’s gradient, to be compared with it."),
    "plain.uncertain": N_("The measurements do not settle where it stands."),
    "card.accuracy.clean": N_("Accuracy"),
    "card.accuracy.pgd_l2": N_("Accuracy under attack"),
    "card.accuracy.ensemble_l2": N_("Accuracy under an ensemble"),
    "card.accuracy.certified": N_("Certified accuracy"),
    "card.accuracy.smoothed": N_("Accuracy of the smoothed classifier"),
    "card.robustness.certified_radius": N_("Average certified radius"),
    "card.signal.fraction": N_("Gradient on the signal"),
    "card.alignment.on_manifold_fraction": N_("Gradient on the manifold"),
    "card.alignment.cosine_posterior": N_("Match with the target score"),
    "card.alignment.lpips_posterior": N_("Likeness to the target score"),
    "card.none": N_("not measured"),
    "card.why": N_("see why"),
    "card.control": N_("best control: {name}"),
    "card.ceiling": N_("ceiling: two estimates agree at"),
    "card.unreliable": N_("– below 0.5: the target is unreliable"),
    "card.chance": N_("chance"),
    "card.difference": N_("difference to it"),
    "points": N_("{value} points"),
    "parameters": N_("{n} parameters"),
    # --- pictures
    "pictures": N_("The pictures"),
    "pictures.intro": N_(
        "One line an image, one column a model: which pixels, made brighter or darker, change "
        "the answer?"
    ),
    "pictures.choice.classes": N_(
        "Shown is the first saved image of each class, in order, {n} in all; none was picked "
        "for its looks."
    ),
    "pictures.choice.rounds": N_(
        "Shown are the first saved images of each class in turn, {n} in all; none was picked "
        "for its looks."
    ),
    "pictures.choice.first": N_(
        "Shown are the first {n} saved images; none was picked for its looks."
    ),
    "pictures.image": N_("image"),
    "pictures.target": N_("target score"),
    "pictures.gradient": N_("gradient"),
    "pictures.tangent": N_("on-manifold part"),
    "pictures.normal": N_("off-manifold part"),
    "pictures.show": N_("Show for each model"),
    "pictures.missing": N_("no picture"),
    "pictures.zero": N_("zero gradient"),
    "pictures.wrong": N_("wrong"),
    "pictures.none": N_("There are no pictures to show: no panels.safetensors could be read."),
    "pictures.scale.grey": N_(
        "One scale for every coloured picture: each direction has l2 norm 1; colours run from "
        "−c (blue: darker) over 0 (white) to +c (red: brighter), c = {k}/√d = {c}, d = {d}. "
        "{clipped} % of the pixels lie beyond ±c and are drawn at the end of the scale."
    ),
    "pictures.scale.colour": N_(
        "One scale for every direction: each has l2 norm 1; mid-grey is 0, and a channel runs "
        "from −c (dark) to +c (bright), c = {k}/√d = {c}, d = {d}. {clipped} % of the "
        "values lie beyond ±c and are drawn at the end of the scale."
    ),
    "pictures.channels": N_("The images have {n} channels; at most the first three are drawn."),
    "look": N_("What to look for"),
    "look.1": N_(
        "A model to trust draws the object: its gradient resembles the target score, with "
        "strokes where the object has strokes."
    ),
    "look.2": N_(
        "Salt-and-pepper specks all over mean that the model reacts to what no real image shows."
    ),
    "look.3": N_(
        "Colour where the object is not (background, markings) means that the answer also "
        "depends on those."
    ),
    "look.4": N_(
        "The target score is what a model of the images themselves, not of their classes, says: "
        "the change that makes the image more like its class than like the others."
    ),
    # --- curves
    "curves": N_("Change of the answer along and away from real images"),
    "curves.intro": N_(
        "How much the answer changes when an image is moved by a step along the manifold "
        "(solid line) or away from it (dashed grey line). All panels have the same axes."
    ),
    "curves.look": N_(
        "The more the solid line stands above the dashed one, the more the model keeps to "
        "changes that real images show."
    ),
    "curves.reference": N_("Dotted: the reference step, {step}."),
    "curves.band": N_("Bands are 95 % intervals over images."),
    "curves.x": N_("step, {unit}"),
    "curves.y": N_("change of the answer"),
    "curves.on": N_("on"),
    "curves.off": N_("off"),
    "deletion": N_("Does the answer hang on the pixels that the gradient points at?"),
    "deletion.intro": N_(
        "The probability of the model’s own answer when pixels are replaced by the mean of the "
        "training images: those with the largest gradient first (solid line), or those with the "
        "smallest first (dashed grey line). All panels have the same axes."
    ),
    "deletion.look": N_(
        "The further the solid line lies below the dashed one, the better the gradient tells "
        "which pixels the answer needs."
    ),
    "deletion.x": N_("{unit} deleted"),
    "deletion.y": N_("probability"),
    "deletion.most": N_("most"),
    "deletion.least": N_("least"),
    # --- accuracy
    "accuracy": N_("Accuracy and robustness together"),
    "accuracy.intro": N_(
        "Filled circles: clean images. Hollow diamonds: the same images under attack{eps}. "
        "Lines are 95 % intervals."
    ),
    "accuracy.eps": N_(" (ε = {eps}, {unit})"),
    "accuracy.bound": N_(
        "Accuracy under attack is an upper bound: a stronger attack may find more errors."
    ),
    "accuracy.squares": N_(
        "Hollow squares: the certified accuracy of the smoothed classifier at the same ε."
    ),
    "accuracy.certified": N_(
        "Certified accuracy is a lower bound that no attack can undercut, but of another "
        "classifier: the one smoothed with noise."
    ),
    "accuracy.chart": N_("Accuracy, clean and under attack"),
    "accuracy.scatter": N_("Accuracy and alignment"),
    "accuracy.best_corner": N_("Right and up is better. Colours are those of the regimes."),
    "accuracy.none": N_("Accuracy was not measured."),
}
"""{key: English}, part of `texts.TEXTS`."""
