"""What a manager reads first: the data, the regimes in sentences, and what to be careful of."""

from markupsafe import Markup

from offmanifold.reports import writing
from offmanifold.reports.panels import Gallery
from offmanifold.reports.sources import REGIMES, Source
from offmanifold.reports.texts import Texts

AT_BOUND = {"lowest": "warn.temperature_lowest", "highest": "warn.temperature_highest"}


def data_line(source: Source, t: Texts) -> str:
    data = source.json.get("data") or {}
    shape = data.get("shape") or [0, 0, 0]
    colour = t(f"colour.{shape[0]}") if shape[0] in (1, 3) else t("colour.other", n=shape[0])
    size = t("data.pixels", w=shape[2], h=shape[1], colour=colour)
    classes = data.get("classes")
    last = t("data.classes", n=len(classes)) if classes else t("data.unlabelled")
    name = data.get("name") or data.get("spec") or ""
    split = t.name("split", data.get("split") or "test")
    return t("data.line", data=name, n=data.get("n", 0), split=split, size=size) + f" · {last}"


def says(audits: list[Source], t: Texts) -> list[Markup]:
    """Compose the sentences for a manager from the regimes alone."""
    audits = [a for a in audits if a.regime != "variant"]
    if not audits:
        return [t.html("plain.variant")]
    many = len(audits) > 1
    said = [t.html("says.many", n=len(audits)) if many else t.html("says.one")]
    by_regime = {name: [a for a in audits if a.regime == name] for name in REGIMES}
    for name, members in by_regime.items():
        if members:
            strong = Markup('<strong class="{}">{}</strong>')
            labels = Markup(t("and")).join(strong.format(name, a.label) for a in members)
            said.append(t.html(f"says.{name}", labels=labels))
    sound = by_regime["bayes-aligned"]
    ranked = [
        a for a in sound if None not in (a.value("accuracy.pgd_l2"), a.value("accuracy.clean"))
    ]
    if many and ranked:
        best = max(ranked, key=lambda a: a.number("accuracy.pgd_l2")["value"])
        said.append(
            t.html(
                "says.best",
                label=best.label,
                robust=_share(best.value("accuracy.pgd_l2")),
                clean=_share(best.value("accuracy.clean")),
            )
        )
    elif many and not sound:
        said.append(t.html("says.none"))
        if by_regime["weak"] and by_regime["excessive"]:
            said.append(t.html("says.between"))
    return said


def _share(value: float | None) -> Markup:
    return writing.data(value, writing.percent(value))


def warnings(audits: list[Source], pictures: Gallery | None, t: Texts) -> list[tuple[str, str]]:
    """Return what a reader must know first, each with "red" or "amber"."""
    found = []
    for a in audits:
        manifold = a.manifold
        if manifold is None:
            found.append(("amber", t("warn.no_manifold", label=a.label)))
        elif manifold.get("independent") is False:
            through = (a.json.get("settings") or {}).get("gradient") == "projected"
            key = "warn.projected" if through else "warn.dependent"
            found.append(("red", t(key, label=a.label)))
        if manifold and manifold.get("usable") is False:
            found.append(("red", t("warn.unusable", label=a.label)))
        zero = max((m.get("zero_gradients") or 0 for m in a.json["measures"].values()), default=0)
        if zero:
            found.append(("amber", t("warn.zero", label=a.label, n=zero)))
        found += [("red", said) for said in masking(a, t)]
        found += [("amber", said) for said in _out_of_reach(a, t)]
        bound = a.json.get("settings", {}).get("temperature_bound")
        if bound in AT_BOUND:
            found.append(("amber", t(AT_BOUND[bound], label=a.label)))
        if pictures and a.label in pictures.missing:
            found.append(("amber", t("warn.pictures", label=a.label)))
    if len({(a.json.get("data") or {}).get("fingerprint") for a in audits}) > 1:
        found.append(("red", t("warn.data")))
    hashes = {(a.manifold or {}).get("hash") for a in audits if a.manifold}
    if len(hashes) > 1:
        label = pictures.target_of if pictures else audits[0].label
        found.append(("amber", t("warn.manifolds", label=label)))
    return found


def masking(source: Source, t: Texts) -> list[str]:
    """Say, if it is so, by which signs the gradients of a classifier may be masked."""
    number = source.number("accuracy.ensemble_l2")
    names = number.get("masked") or []
    if not names:
        return []
    signs = [t(f"masked.{n}", share=writing.percent(number["signs"][n])) for n in names]
    return [t("warn.masked", label=source.label, signs=t("and").join(signs))]


def _out_of_reach(source: Source, t: Texts) -> list[str]:
    """Say, if it is so, that no certificate could reach ε, whatever the classifier."""
    settings = source.json.get("settings", {})
    eps, cap = settings.get("eps"), settings.get("certify_cap")
    if eps is None or cap is None or eps <= cap:
        return []
    short = {"eps": writing.short(eps), "cap": writing.short(cap)}
    return [t("warn.out_of_reach", label=source.label, **short)]


def notes(audits: list[Source], t: Texts) -> list[str]:
    notes = [t("notes.over")]
    if any(a.manifold for a in audits):
        notes.append(t("notes.manifold"))
    rules = {(a.json.get("regime") or {}).get("rule") for a in audits} - {None}
    if rules:
        notes.append(t("notes.rule", rule=", ".join(sorted(map(str, rules)))))
    return [*notes, t("notes.temperature"), t("accuracy.bound"), *_certification(audits, t)]


def _certification(audits: list[Source], t: Texts) -> list[str]:
    """Say how far certificates can reach, once for each way in which they were made."""
    notes = []
    for a in audits:
        s = a.json.get("settings", {})
        if s.get("certify_sigma") is not None:
            short = {k: writing.short(s[f"certify_{k}"]) for k in ("sigma", "alpha", "cap")}
            notes.append(t("notes.certified", **short, n=f"{s['certify_draws']:,}"))
    return list(dict.fromkeys(notes))
