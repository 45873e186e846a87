"""Texts of the gallery of made images."""

from offmanifold._core.reasons import N_

SYNTHESIS: dict[str, str] = {
    "synthesis.title.generate": N_("Generated images"),
    "synthesis.title.denoise": N_("Images without their noise"),
    "synthesis.title.inpaint": N_("Holes filled"),
    "synthesis.title.superresolve": N_("More pixels"),
    "synthesis.title.counterfactual": N_("What would have to change?"),
    "synthesis.line": N_("{n} of {planned} images · model {model} · {manifold} · {mode}"),
    "synthesis.manifold": N_("manifold {name}"),
    "synthesis.manifold.none": N_("no manifold"),
    "synthesis.mode.ascent": N_("the classifier’s gradient alone"),
    "synthesis.mode.projected": N_("the classifier’s gradient, along the manifold"),
    "synthesis.mode.denoised": N_(
        "the classifier’s gradient, drawn to the manifold after each step"
    ),
    "synthesis.mode.manifold": N_("the denoiser, guided by the classifier"),
    "synthesis.intro.generate": N_(
        "Each image was made to be what the classifier calls the class asked for. The nearest "
        "training image stands beside it, so that a copy would be seen."
    ),
    "synthesis.intro.denoise": N_(
        "The framed picture is what was asked for; the others are plain ways to it from the same "
        "image."
    ),
    "synthesis.intro.inpaint": N_(
        "White in the mask is what was filled. What the given image holds under the mask was not "
        "looked at."
    ),
    "synthesis.intro.superresolve": N_(
        "The mean of the framed picture over each block is the pixel that was given, up to "
        "rounding to 8 bits."
    ),
    "synthesis.intro.counterfactual": N_(
        "The smallest change that was found to change the decision: red is brighter, blue is "
        "darker. On a manifold it is a change that images can undergo; if a person does not see "
        "the new class in it, the classifier decides by something else."
    ),
    "synthesis.column.result": N_("result"),
    "synthesis.column.attempt": N_("last attempt"),
    "synthesis.column.given": N_("given"),
    "synthesis.column.mask": N_("mask"),
    "synthesis.column.seed": N_("seed image"),
    "synthesis.column.denoiser": N_("denoiser alone"),
    "synthesis.column.conditional": N_("denoiser, told the class"),
    "synthesis.column.ascent": N_("classifier alone"),
    "synthesis.column.nearest_training": N_("nearest training image"),
    "synthesis.column.mean_fill": N_("mean fill"),
    "synthesis.column.biharmonic": N_("biharmonic"),
    "synthesis.column.blur": N_("blur"),
    "synthesis.column.nl_means": N_("non-local means"),
    "synthesis.column.wavelet": N_("wavelet"),
    "synthesis.column.nearest": N_("pixels given"),
    "synthesis.column.bicubic": N_("bicubic"),
    "synthesis.column.change": N_("change"),
    "synthesis.column.original": N_("original"),
    "synthesis.number.class": N_("class {value}"),
    "synthesis.number.aimed": N_("aimed at {value}"),
    "synthesis.number.before": N_("seen as {value} before"),
    "synthesis.number.before.inpaint": N_("mean fill seen as {value}"),
    "synthesis.number.before.superresolve": N_("bicubic seen as {value}"),
    "synthesis.number.after": N_("seen as {value} after"),
    "synthesis.number.was": N_("was {value}"),
    "synthesis.number.seen": N_("seen as {value}"),
    "synthesis.number.probability": N_("p = {value}"),
    "synthesis.number.sure": N_("p > {value}"),
    "synthesis.number.norm": N_("‖change‖ {value}"),
    "synthesis.number.steps": N_("{value} steps"),
    "synthesis.number.step": N_("{value} step"),
    "synthesis.number.sigma": N_("noise σ = {value}"),
    "synthesis.number.nearest": N_("nearest at {value}"),
    "synthesis.number.pieces": N_("{value} pieces"),
    "synthesis.notfound": N_("not found: this is the last attempt"),
    "synthesis.missed": N_("not seen as the class asked for"),
    "synthesis.right": N_(
        "{right} of {n} images are seen as the class asked for by {model}, with whose gradients "
        "they were made, which does not prove that they look like it."
    ),
    "synthesis.others": N_("Seen as another class: {names}."),
    "synthesis.already": N_("already that class: nothing to change"),
    "synthesis.said.aimed": N_(
        "{name}: aimed at {class} ({probability}); seen as {before} before, {after} after"
    ),
    "synthesis.said.aimed.inpaint": N_(
        "{name}: aimed at {class} ({probability}); with the hole filled by the mean seen as "
        "{before}, the result as {after}"
    ),
    "synthesis.said.aimed.superresolve": N_(
        "{name}: aimed at {class} ({probability}); enlarged bicubically seen as {before}, the "
        "result as {after}"
    ),
    "synthesis.said.found": N_(
        "{name}: {was} turned into {class} ({probability}) by a change of {norm}"
    ),
    "synthesis.said.notfound": N_(
        "{name}: no change was found that turns {was} into {class}; more --steps may find one"
    ),
    "synthesis.said.already": N_(
        "{name}: the classifier says {class} already, so that there is nothing to change"
    ),
    "synthesis.said.more": N_("… and {n} more, on the page"),
    "synthesis.kept": N_("Every pixel outside the mask is as in the file given, bit by bit."),
    "synthesis.altered": N_("Taken not as in the file, but as altered first ({what}): {files}."),
    "synthesis.altered.bits": N_("brought from more than 8 bits a channel to 8"),
    "synthesis.altered.colours": N_("colour space converted to RGB"),
    "synthesis.altered.alpha": N_("alpha dropped"),
    "synthesis.altered.channels": N_("brought to the channels that the model takes"),
    "synthesis.altered.size": N_("scaled and cropped"),
    "synthesis.found": N_(
        "The decision was turned for {found} of {n} images, judged on the 8-bit files as written."
    ),
    "synthesis.already.count": N_("Already of the class asked for, and not counted: {n}."),
    "synthesis.diversity": N_(
        "Two images made of one class are {made} apart on average, two training images of one "
        "class {real} (l2 norm; {n} images, classes: {classes}). Much below the training images "
        "those made are alike; as far apart says nothing of their quality, since noise is far "
        "apart too."
    ),
    "synthesis.scores": N_(
        "Distance to the originals: root mean square per pixel, mean over images (n = {n}) with "
        "its 95 % interval (Student’s t); less is better"
    ),
    "synthesis.scores.one": N_(
        "Distance to the original: root mean square per pixel; less is better"
    ),
    "synthesis.few": N_(
        "Of so few images (n = {n}) nothing is said of which way is better; give ten or more."
    ),
    "synthesis.lost": N_(
        "On these images “{way}” loses to “{baseline}”, which needs no classifier: its error is "
        "larger by {by} (n = {n}, the same images)."
    ),
    "synthesis.part": N_(
        "The first {shown} of {n} images are shown here; all {n} are PNG files beside this page."
    ),
    "synthesis.all": N_("Results"),
    "synthesis.each": N_("One by one"),
    "synthesis.units": N_(
        "p is the probability that the classifier gives to the class. Lengths are l2 norms of a "
        "whole image with pixels in [0, 1]; the change is counted from what the classifier’s part "
        "began with."
    ),
    "synthesis.regime.unaudited": N_("not audited"),
    "synthesis.regime.bayes-aligned": N_("regime: Bayes-aligned"),
    "synthesis.regime.uncertain": N_("regime: uncertain"),
}
