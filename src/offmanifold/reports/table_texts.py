"""The texts of tables."""

from offmanifold._core.reasons import N_

TABLE: dict[str, str] = {
    # --- table
    "table": N_("All numbers"),
    "table.intro": N_(
        "As saved in the audits. The difference is to the best control, image by image; "
        "z is that difference divided by its standard error, the effect that difference "
        "divided by its standard deviation over images."
    ),
    "table.measure": N_("Measure"),
    "table.model": N_("Model"),
    "table.value": N_("Value"),
    "table.interval": N_("95 % interval"),
    "table.n": N_("n"),
    "table.chance": N_("Chance"),
    "table.controls": N_("Controls, the best in bold"),
    "table.difference": N_("Difference"),
    "table.z": N_("z"),
    "table.effect": N_("Effect"),
    "table.best": N_("Best control"),
    "table.over_control": N_("z {z}, effect {effect} ({control})"),
    "table.ceiling": N_("Ceiling"),
    "table.higher": N_("higher is better"),
    "table.lower": N_("lower is better"),
    "over.images": N_("{n} images"),
    "over.seeds": N_("{n} seeds"),
    "group.accuracy": N_("Accuracy"),
    "group.alignment": N_("Alignment of the gradient"),
    "group.robustness": N_("Robustness"),
    "group.output": N_("Output"),
    "group.signal": N_("Signal and distractor"),
    "group.deletion": N_("Deletion of pixels"),
    "control.white_noise": N_("white noise"),
    "control.spectrum_noise": N_("noise with the image’s spectrum"),
    "control.untrained": N_("untrained network"),
    "control.label_randomised": N_("network trained on random labels"),
    "control.wrong_image": N_("that of another image"),
    "control.wrong_class": N_("score of another class"),
    "control.image": N_("the image itself"),
    "control.deviation": N_("distance from the mean image"),
    "control.class_mean": N_("class mean − image"),
    "differences": N_("Differences between models"),
    "differences.intro": N_(
        "Paired image by image, with 95 % intervals. An interval that does not contain 0 is "
        "printed in bold."
    ),
    "differences.against": N_("Compared with"),
}
"""{key: English}, part of `texts.TEXTS`."""
