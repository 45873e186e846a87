"""What is named in an audit: settings, terms of the glossary, units."""

from offmanifold._core.reasons import N_

NAMED: dict[str, str] = {
    # --- skipped, settings, notes
    "skipped": N_("What was not measured, and why"),
    "skipped.none": N_("Nothing was left out."),
    "skipped.reason": N_("Reason"),
    "reason.unknown": N_("no reason was saved"),
    "settings": N_("Settings"),
    "settings.all": N_("all models"),
    "settings.model": N_("Model"),
    "settings.data": N_("Data"),
    "settings.manifold": N_("Manifold"),
    "settings.audit": N_("Audit"),
    "yes": N_("yes"),
    "no": N_("no"),
    "key.spec": N_("specification"),
    "key.parameters": N_("parameters"),
    "key.objective": N_("training objective"),
    "key.weights_hash": N_("weights hash"),
    "key.input_shape": N_("input shape (c, h, w)"),
    "key.shape": N_("shape (c, h, w)"),
    "key.licence": N_("licence"),
    "key.name": N_("name"),
    "key.fingerprint": N_("fingerprint"),
    "key.split": N_("split"),
    "key.n": N_("images"),
    "key.labels": N_("labels"),
    "key.masks": N_("masks"),
    "key.classes": N_("classes"),
    "key.skipped": N_("images skipped"),
    "key.told": N_("what was decided in loading"),
    "key.hash": N_("hash"),
    "key.sigma": N_("σ, standard deviation per pixel"),
    "key.dimension": N_("dimension"),
    "key.trace_ratio": N_("trace ratio (gate: 0.9–1.1)"),
    "key.asymmetry": N_("asymmetry (gate: ≤ 0.1)"),
    "key.error": N_("held-out denoising error"),
    "key.independent": N_("independent of the model"),
    "key.usable": N_("usable"),
    "key.pooling": N_("pooling, pixels a block"),
    "key.seed": N_("seed"),
    "key.eps": N_("attack radius ε"),
    "key.gradient": N_("gradient of"),
    "key.variant_of": N_("of which it is a variant"),
    "key.reference_step": N_("reference step"),
    "key.precision": N_("precision of the attacks' steps"),
    "key.temperature": N_("temperature of the softmax"),
    "key.temperature_bound": N_("end of its range at which it stands"),
    "key.draws": N_("noise draws"),
    "key.directions": N_("directions a side"),
    "key.lpips_weights": N_("weights of LPIPS, hash"),
    "key.lpips_input": N_("what LPIPS sees: channels, height, width"),
    "key.certify_sigma": N_("noise σ of the smoothed classifier"),
    "key.certify_choice": N_("draws that choose the class"),
    "key.certify_draws": N_("draws that certify it"),
    "key.certify_alpha": N_("chance of a wrong certificate, at most"),
    "key.certify_cap": N_("largest radius these draws can certify"),
    "key.d": N_("d, values an image"),
    "gradient.log_prob": N_("log p(class | image)"),
    "gradient.logit": N_("the logit of the class"),
    "gradient.logsumexp": N_("logsumexp of the logits"),
    "gradient.logit_sum": N_("the sum of the logits"),
    "gradient.loss": N_("the loss"),
    "gradient.margin": N_("the margin"),
    "gradient.smoothgrad": N_("the log-odds of the class, averaged over noisy copies"),
    "gradient.attributions": N_("an explanation of the user's own"),
    "gradient.integrated_gradients": N_("the log-odds of the class, integrated from black"),
    "gradient.projected": N_("the log-odds of the class, through a denoiser"),
    "notes": N_("How far these numbers go"),
    "notes.over": N_(
        "Intervals are 95 % over images for one trained network; they say nothing on other seeds."
    ),
    "notes.manifold": N_(
        "“On the manifold” means on the manifold as one estimator sees it; nobody knows the "
        "true one."
    ),
    "notes.rule": N_(
        "The regime follows a fixed rule (rule {rule}) from intervals alone; no one chose it "
        "by eye."
    ),
    "notes.temperature": N_(
        "Gradients, attacks and changes of the answer are taken at the temperature that fits the "
        "validation images, so that nothing depends on the scale of the logits; decisions do not "
        "depend on it."
    ),
    "notes.credit": N_(
        "Of the {n} pairs of models that differ clearly in the gradient on the manifold, "
        "{credited} differ clearly more than in fake manifolds, which know no image; how the "
        "others rank is not credited to the manifold."
    ),
    "notes.certified": N_(
        "Certificates hold for the classifier smoothed with noise of σ = {sigma}, each at a "
        "confidence of 1 − {alpha}. {n} draws cannot certify a radius above {cap}."
    ),
    # --- glossary
    "glossary": N_("Words used here"),
    "glossary.manifold": N_("Manifold"),
    "glossary.manifold.text": N_(
        "The set of all images that could really occur: every part your camera might see. Moving "
        "along it turns one real image into another."
    ),
    "glossary.on": N_("On, off the manifold"),
    "glossary.on.text": N_(
        "A change is on the manifold where the result still looks like a real image (a longer "
        "scratch, a thicker stroke), off it where it does not (specks that no camera makes)."
    ),
    "glossary.gradient": N_("Gradient"),
    "glossary.gradient.text": N_(
        "For each pixel, how much the answer changes when that pixel becomes a little brighter."
    ),
    "glossary.score": N_("Target score"),
    "glossary.score.text": N_(
        "The gradient that the best possible classifier would have, estimated from the images by "
        "a separate model. The match is a cosine: 1 is the same direction, 0 is unrelated."
    ),
    "glossary.signal": N_("Signal"),
    "glossary.signal.text": N_(
        "The part of the image known to matter, where the data say so; the rest is distraction."
    ),
    "glossary.attack": N_("Accuracy under attack"),
    "glossary.attack.text": N_(
        "The share of images still answered rightly when each is changed, by at most ε, in the "
        "worst way an attack finds."
    ),
    "glossary.certified": N_("Certified accuracy, radius"),
    "glossary.certified.text": N_(
        "The classifier is asked about many noisy copies of an image and the most frequent answer "
        "is taken. How frequent it is proves a radius within which no change of the image alters "
        "that answer. The share of images answered rightly with a radius of at least ε is the "
        "certified accuracy."
    ),
    "glossary.control": N_("Control, chance"),
    "glossary.control.text": N_(
        "What the same measurement gives for something that cannot know the object: noise, an "
        "untrained network, another image. A number counts only above its best control."
    ),
    "glossary.interval": N_("95 % interval"),
    "glossary.interval.text": N_(
        "The range in which the number would be expected, had other images been drawn."
    ),
    "made": N_("Made from saved audits by offmanifold {version}."),
    "made.data": N_("Data fingerprint"),
    # --- units that audits name
    "unit.l2 norm, pixels in [0,1]": N_("l2 norm, pixels in [0, 1]"),
    "unit.l2 norm per image, pixels in [0,1]": N_("l2 norm per image, pixels in [0, 1]"),
    "unit.draws per image": N_("draws an image"),
    "unit.chance per image": N_("an image"),
    "unit.share": N_("share"),
    "unit.share of pixels": N_("share of pixels"),
    "unit.probability": N_("probability"),
    "unit.share of energy": N_("share of energy"),
    "unit.L1 of softmax": N_("L1 of softmax"),
    "unit.l2 of softmax": N_("l2 of softmax"),
    "unit.l2 norm": N_("l2 norm"),
    "unit.linf norm, pixels in [0,1]": N_("l∞ norm, pixels in [0, 1]"),
    "unit.l2 norm of the step, pixels in [0, 1]": N_("l2 norm of the step, pixels in [0, 1]"),
    "unit.σ of the noise per pixel, pixels in [0, 1]": N_(
        "σ of the noise per pixel, pixels in [0, 1]"
    ),
    "unit.side of the blocks averaged over, pixels": N_("side of the blocks averaged over, pixels"),
    "unit.sd per pixel": N_("σ, standard deviation per pixel"),
    "unit.standard deviation per pixel": N_("σ, standard deviation per pixel"),
    "unit.standard deviation per pixel, pixels in [0,1]": N_(
        "σ, standard deviation per pixel, pixels in [0, 1]"
    ),
}
"""{key: English}, part of `texts.TEXTS`."""
