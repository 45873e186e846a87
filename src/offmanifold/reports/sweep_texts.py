"""The texts of a sweep's page and tables."""

from offmanifold._core.reasons import N_

SWEEP: dict[str, str] = {
    "sweep.title": N_("How much robustness is right?"),
    "sweep.line": N_(
        "{data} · {n} images · {finished} runs finished, {collapsed} diverged, {failed} failed, "
        "{left} not yet"
    ),
    "sweep.intro": N_(
        "Each point is a model trained at one strength, the mean of its seeds; bars are 95 % "
        "intervals over images, and over seeds where there are several. Colours behind the lines "
        "are the regimes: too weak, right (Bayes-aligned), too much. The standard model stands at "
        "the left, apart."
    ),
    "sweep.all_collapsed": N_(
        "Every run of this sweep collapsed: choose smaller strengths or a lower learning rate."
    ),
    "sweep.method": N_("{objective}: strength {field}"),
    "sweep.strength": N_("Strength"),
    "sweep.seeds": N_("Seeds"),
    "sweep.standard": N_("standard"),
    "sweep.accuracy": N_("accuracy"),
    "sweep.attacked": N_("under attack"),
    "sweep.fraction": N_("gradient on the manifold"),
    "sweep.control": N_("its better control"),
    "sweep.cosine": N_("cosine to posterior score"),
    "sweep.on": N_("change along the manifold"),
    "sweep.off": N_("change off the manifold"),
    "sweep.accuracies": N_("Accuracy"),
    "sweep.alignment": N_("Alignment of gradients"),
    "sweep.changes": N_("Change of the output by a step of {step} (l2)"),
    "sweep.boundary.on_manifold": N_("Gradients are on the manifold from {field} = {place}."),
    "sweep.boundary.excessive": N_(
        "Accuracy is more than 5 points below the standard model's from {field} = {place}."
    ),
    "sweep.here.all": N_("here"),
    "sweep.here.collapsed": N_("here with models that did not collapse"),
    "sweep.here.missing": N_("here that has been audited"),
    "sweep.here.both": N_("here with audited models that did not collapse"),
    "sweep.everywhere.on_manifold": N_(
        "Gradients are on the manifold more than their better control at every strength {here}."
    ),
    "sweep.nowhere.on_manifold": N_(
        "At no strength {here} are gradients on the manifold more than their better control."
    ),
    "sweep.everywhere.excessive": N_(
        "Accuracy is more than 5 points below the standard model's at every strength {here}."
    ),
    "sweep.nowhere.excessive": N_(
        "At no strength {here} is accuracy more than 5 points below the standard model's."
    ),
    "sweep.first.on_manifold": N_(
        "On average, gradients are on the manifold more than their better control at the smallest "
        "strength {here} already."
    ),
    "sweep.last.on_manifold": N_(
        "On average, gradients are on the manifold more than their better control at no strength "
        "{here}."
    ),
    "sweep.shown.on_manifold": N_(
        " By its 95 % interval the excess over the control is shown at {shown}, and "
        "undecided at {undecided}."
    ),
    "sweep.first.excessive": N_(
        "On average, accuracy is more than 5 points below the standard model's at every strength "
        "{here}."
    ),
    "sweep.last.excessive": N_(
        "On average, accuracy is at most 5 points below the standard model's at the largest "
        "strength {here}."
    ),
    "sweep.shown.excessive": N_(
        " By its 95 % interval a loss of more than 5 points is shown at {shown}, and "
        "undecided at {undecided}."
    ),
    "sweep.no_strength": N_("no strength"),
    "sweep.unknown.on_manifold": N_(
        "From which strength on gradients are on the manifold is not known: {reason}."
    ),
    "sweep.unknown.excessive": N_(
        "From which strength on accuracy is too low is not known: {reason}."
    ),
    "sweep.over_control": N_("Cosine above its best control"),
    "ceiling.unreliable": N_(
        "Two estimates of the target of the cosine agree at {value} only, below 0.5: the target is "
        "unreliable, no gradient can be expected to match it better, and small differences of the "
        "cosine between models say little."
    ),
    "ceiling.reliable": N_(
        "Two estimates of the target of the cosine agree at {value}: no gradient can be expected "
        "to match it better."
    ),
    "sweep.beyond": N_("beyond the sweep"),
    "sweep.collapsed": N_("{n} of its seeds collapsed"),
    "explains.title": N_("What goes with alignment?"),
    "explains.intro": N_(
        "Rank correlation with the cosine to the posterior score over all runs, and with accuracy "
        "partialled out, 95 % over strengths and seeds; then by method, up to the strength with "
        "the highest cosine / over all. What is said to explain alignment must beat the plain "
        "alternatives: strength, accuracy, accuracy under attack, fake manifolds that know no "
        "image."
    ),
    "explains.predictor": N_("Over the runs"),
    "explains.of": N_("measured in {seen} of {n} runs only"),
    "explains.all": N_("Rank correlation"),
    "explains.partial": N_("Accuracy held"),
    "explains.beyond": N_("Beyond the best plain one"),
    "explains.method": N_("{method}: to peak / all"),
    "explains.robustness.rho_relative": N_("ρ: noise response off ÷ on"),
    "explains.robustness.change_ratio": N_("change on ÷ off"),
    "explains.alignment.on_manifold_fraction": N_("gradient on the manifold"),
    "explains.alignment.on_manifold_fraction_second": N_("gradient on the second manifold"),
    "explains.alignment.fraction_low_pass": N_("gradient in a fake manifold: low frequencies"),
    "explains.alignment.fraction_global_pca": N_(
        "gradient in a fake manifold: global principal components"
    ),
    "explains.strength": N_("strength (rank within its method)"),
    "explains.accuracy.clean": N_("accuracy"),
    "explains.accuracy.pgd_l2": N_("accuracy under attack"),
}
"""{key: English}, part of `texts.TEXTS`."""
