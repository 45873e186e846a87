"""The texts of a recommendation, in English and Japanese."""

RECOMMENDED: dict[str, tuple[str, str]] = {
    "recommend.title": ("Recommendation", "推奨"),
    "recommend.gain": ("Above the standard model", "標準モデルとの差"),
    "recommend.over_control": ("Above its best control", "最良の対照との差"),
    "recommend.loss": (
        "Accuracy lost to the standard model (points)",
        "標準モデルに対する正解率の低下（ポイント）",
    ),
    "recommend.acceptable": ("Acceptable", "条件を満たす"),
    "recommend.yes": ("yes", "はい"),
    "recommend.no": ("no", "いいえ"),
    "recommend.collapsed": ("collapsed", "崩壊"),
    "recommend.none": (
        "No strength tried is acceptable (accuracy lost at most {loss} points, and the robustness "
        "asked for): allow more loss (--accuracy-loss), start lower (--start), or allow more runs "
        "(--most); {field} was varied.",
        "試した強さはいずれも条件（正解率の低下が{loss}ポイント以下、および求めるロバスト性）を"
        "満たしません。許容する低下を増やす（--accuracy-loss）、小さい値から始める（--start）、"
        "または学習回数を増やしてください（--most）。変えた強さは {field} です。",
    ),
    "recommend.fragile": (
        "No strength tried is robust enough (accuracy under attack of at least {least}), though "
        "accuracy is kept: start higher (--start), ask less (--robust-accuracy), or allow more "
        "runs (--most); {field} was varied.",
        "正解率は保たれていますが、求めるロバスト性（攻撃下の正解率 {least} 以上）を満たす強さは"
        "ありませんでした。大きい値から始める（--start）、求める値を下げる（--robust-accuracy）、"
        "または学習回数を増やしてください（--most）。変えた強さは {field} です。",
    ),
    "recommend.not_both": (
        "Weak ones of the strengths tried keep accuracy but are not robust enough (accuracy under "
        "attack of at least {least}), and stronger ones lose more than {loss} points: ask less "
        "(--robust-accuracy), allow more loss (--accuracy-loss), or allow more runs (--most); "
        "{field} was varied.",
        "試した強さのうち、弱いものは正解率を保ちますが求めるロバスト性（攻撃下の正解率 {least} "
        "以上）に届かず、強いものは正解率が{loss}ポイントより大きく低下します。求める値を下げる"
        "（--robust-accuracy）、許容する低下を増やす（--accuracy-loss）、または学習回数を増やして"
        "ください（--most）。変えた強さは {field} です。",
    ),
    "recommend.best": (
        "Train with {field} = {strength}: {title} {value}, against {standard} of the standard "
        "model (difference {gain}); accuracy lost {lost} points, where {loss} are allowed; on {n} "
        "validation images.",
        "{field} = {strength} での学習を勧めます。{title}は {value}（標準モデルは {standard}、"
        "差は {gain}）、正解率の低下は {lost} ポイント（許容 {loss} ポイント）。"
        "検証用画像 {n} 枚によります。",
    ),
    "recommend.no_better": (
        "No acceptable strength tried is shown to be better than the standard model: the best of "
        "them, {field} = {strength}, has {title} {value}, against {standard} (difference {gain}); "
        "accuracy lost {lost} points, where {loss} are allowed; on {n} validation images. More "
        "images (--limit) or runs (--most) may show a difference.",
        "条件を満たす強さのうち、標準モデルより優れていると示せたものはありません。その中で最良の "
        "{field} = {strength} では、{title}は {value}（標準モデルは {standard}、差は {gain}）、"
        "正解率の低下は {lost} ポイント（許容 {loss} ポイント）です。"
        "検証用画像 {n} 枚によります。画像数（--limit）や学習回数（--most）を増やすと"
        "差が示される可能性があります。",
    ),
    "recommend.model": (
        "The model so trained is {folder}; audit it on test images.",
        "この強さで学習したモデルは {folder} です。評価用画像で監査してください。",
    ),
    "recommend.edge": (
        "It is the largest strength tried: a larger {field} may be better still (--most).",
        "試した中で最大の強さです。より大きい {field} がさらに良い可能性があります（--most）。",
    ),
}
"""{key: (English, Japanese)}, part of `texts.TEXTS`."""
