"""The words of the reasons that audits give, by code."""

from offmanifold._core.reasons import N_, register

register(
    "lacks",
    {
        "labels": N_("the images have no labels; put them in one folder a class"),
        "masks": N_("the data have no masks of the true signal"),
        "manifold": N_(
            "there is no usable manifold; fit one on at least 500 images (offmanifold fit-manifold)"
        ),
        "score": N_("this manifold has tangent spaces alone; fit a denoiser for scores"),
        "posterior": N_(
            "the manifold knows no classes, or others than the data; fit it on labelled images"
        ),
        "pooling": N_("the manifold resolves every pixel"),
        "thorough": N_("ask for it with `thorough`"),
        "explain": N_("ask for it with `explain`"),
        "own_gradient": N_(
            "it is of the classifier's own gradients, and this audit is of a variant of one"
        ),
        "certify": N_("ask for it with `certify` SIGMA"),
        "second": N_("there is no second manifold; give one with `second`"),
        "second_scores": N_(
            "the ceiling needs a second manifold with classes whose gates pass at σ: fit two on "
            "halves of the images (offmanifold fit-manifold --halves), judge by one (--manifold) "
            "and give the other with `second`"
        ),
        "randomised": N_(
            "train a network on permuted labels (offmanifold train --data random-labels:DATA) "
            "and give it with `label_randomised`"
        ),
        "half_sigma": N_("the manifold does not pass its gates around σ/2"),
        "double_sigma": N_("the manifold does not pass its gates around 2σ"),
    },
)
register(
    "missing",
    {
        "no_image": N_("no image was audited"),
        "zero_denominator": N_("its denominator is zero"),
        "no_gradient": N_(
            "{lost} of {n} images have no gradient that an attack could follow (infinite, NaN or "
            "zero everywhere), and would be told as robust: mend the model's forward pass; "
            "`thorough` attacks without gradients too"
        ),
    },
)
register(
    "regime",
    {
        "collapsed_chance": N_(
            "The model is right hardly more often than always naming the commonest class would "
            "be: it has learnt nothing, or its outputs are named wrongly (`classes`)."
        ),
        "collapsed_diverged": N_(
            "Training came to nothing at every seed: the loss or the answers were not finite, or "
            "no better than always naming the commonest class."
        ),
        "not_there": N_("No run of this strength has come to its end yet."),
        "pending": N_(
            "The seeds that have come to their end collapsed; others have not come to theirs yet."
        ),
        "collapsed_constant": N_(
            "The model gives nearly the same answer for every image, so nothing can be learnt "
            "from its gradients."
        ),
        "excessive_aligned": N_(
            "The training was too strong: accuracy is {accuracy!p}, more than 5 points below the "
            "standard model's {reference!p}. Its gradients still follow the object."
        ),
        "excessive_lost": N_(
            "The training was too strong: accuracy is {accuracy!p}, more than 5 points below the "
            "standard model's {reference!p}, and its gradients no longer follow the object."
        ),
        "excessive_unknown": N_(
            "The training was too strong: accuracy is {accuracy!p}, more than 5 points below the "
            "standard model's {reference!p}. Whether its gradients still follow the object "
            "cannot be told."
        ),
        "weak": N_(
            "The gradients follow the object no more than their controls do: they should not be "
            "shown as explanations."
        ),
        "bayes_aligned": N_(
            "The model keeps its accuracy ({accuracy!p}) and its gradients follow the object "
            "clearly more than their controls do: they may be shown as explanations."
        ),
        "too_few": N_("Too few images were audited to tell: audit more (`limit`)."),
        "variant": N_(
            "The rule is for the gradient of the classifier itself; these numbers are of a "
            "variant of it, to be compared with those."
        ),
        "no_fraction": N_(
            "It cannot be told: the gradients were not held against a data manifold. Audit with "
            "a manifold, fitted on at least 500 training images (offmanifold fit-manifold)."
        ),
        "no_reference_aligned": N_(
            "The gradients follow the object more than their controls do, but nobody knows what "
            "accuracy a standard model would have: compare with one, or give "
            "`reference_accuracy`."
        ),
        "no_reference_weak": N_(
            "The gradients follow the object no more than their controls do; whether the "
            "training was too weak or too strong depends on the accuracy of a standard model: "
            "compare with one, or give `reference_accuracy`."
        ),
        "accuracy_undecided": N_(
            "The accuracy ({accuracy!p}) may or may not be 5 points below the standard model's "
            "{reference!p}: audit more images (`limit`)."
        ),
        "fraction_undecided": N_(
            "The gradients may or may not follow the object more than their controls do: audit "
            "more images (`limit`)."
        ),
    },
)
register(
    "suspicion",
    {
        "range_255": N_(
            "It may be made for pixels from 0 to 255: given {how} it is right on {then} of {n} "
            "images instead of {now}; let its forward begin with that."
        ),
        "range_signed": N_(
            "It may be made for pixels from −1 to 1: given {how} it is right on {then} of {n} "
            "images instead of {now}; let its forward begin with that."
        ),
        "range_imagenet": N_(
            "It may be made for pixels normalised as ImageNet's are: given {how} it is right on "
            "{then} of {n} images instead of {now}; let its forward begin with that."
        ),
        "range_bgr": N_(
            "It may be made for channels in the order blue, green, red: given {how} it is right "
            "on {then} of {n} images instead of {now}; let its forward begin with that."
        ),
        "range_inverted": N_(
            "It may be made for inverted pixels: given {how} it is right on {then} of {n} images "
            "instead of {now}; let its forward begin with that."
        ),
        "untrained": N_(
            "No file of weights was loaded into {spec}: if it is not trained there, give "
            "`weights` FILE."
        ),
        "default_data": N_(
            "The images are {spec}, which commands take where no `data` is given: give the "
            "model's own."
        ),
    },
)
register(
    "lpips",
    {
        "no_weights": N_(
            "LPIPS needs the weights of AlexNet; get them with {download} or give a file with "
            "`lpips` FILE"
        ),
        "no_package": N_(
            "LPIPS needs the package lpips, and a torchvision that matches torch; "
            'run: pip install "offmanifold[lpips]"'
        ),
    },
)
