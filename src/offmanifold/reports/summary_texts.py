"""The texts of a page's head, what it says first and its warnings, in English and Japanese."""

SUMMARY: dict[str, tuple[str, str]] = {
    # --- head
    "title": ("Where is this model sensitive?", "このモデルは画像のどこに反応しているか"),
    "title.many": (
        "Where are these models sensitive?",
        "これらのモデルは画像のどこに反応しているか",
    ),
    "data.line": (
        "{data} · {n} images of the {split} split · {size}",
        "{data} · {split}の画像 {n} 枚 · {size}",
    ),
    "data.classes": ("{n} classes", "{n} クラス"),
    "data.pixels": ("{w} × {h} pixels, {colour}", "{w} × {h} 画素、{colour}"),
    "data.unlabelled": ("no labels", "ラベルなし"),
    "colour.1": ("grey", "グレースケール"),
    "colour.3": ("colour", "カラー"),
    "colour.other": ("{n} channels", "{n} チャネル"),
    "split.train": ("training", "学習用"),
    "split.val": ("validation", "検証用"),
    "split.test": ("test", "評価用"),
    "split.all": ("whole", "全"),
    "space": (" ", ""),
    "and": (", ", "、"),
    "colon": (": ", "："),
    "brackets": (" ({text})", "（{text}）"),
    # --- what this page says
    "says": ("What this page says", "要点"),
    "says.one": ("One model was examined.", "モデル 1 件を調べました。"),
    "says.many": ("{n} models were compared.", "{n} 件のモデルを比較しました。"),
    "says.bayes-aligned": (
        "Sound: {labels}. Accuracy is kept, and the gradients follow the way real images "
        "vary, so they are worth showing to people.",
        "良好：{labels}。正解率が保たれ、勾配が実際の画像の変わり方に沿っているため、"
        "判断の根拠として人に見せる価値があります。",
    ),
    "says.weak": (
        "Not robust enough: {labels}. The gradients follow real images no more than "
        "their controls do; do not read them as explanations.",
        "ロバスト性が不足：{labels}。勾配は、対照と同じ程度にしか実際の画像に沿っていません。"
        "判断の根拠として読み取らないでください。",
    ),
    "says.excessive": (
        "Too robust: {labels}. Accuracy was given up for robustness.",
        "ロバスト性が過剰：{labels}。ロバスト性と引き換えに正解率が失われています。",
    ),
    "says.collapsed": (
        "Collapsed: {labels}. The answer is nearly the same whatever the image; "
        "no other number of it counts.",
        "崩壊：{labels}。どの画像を入れても出力がほとんど変わりません。"
        "ほかの数値には意味がありません。",
    ),
    "says.uncertain": (
        "Undecided: {labels}. These images do not settle it; the reason below says what would.",
        "判定保留：{labels}。今回の画像だけでは判定できません。"
        "判定に何が必要かは、下の理由をご覧ください。",
    ),
    "says.best": (
        "A place to start: {label}. Of the sound models it has the highest measured accuracy "
        "under attack, {robust}, with {clean} on clean images.",
        "最初に検討する候補：{label}。良好なモデルのうち、攻撃下の正解率の測定値が最も高く（{robust}）、"
        "通常の画像での正解率は {clean} です。",
    ),
    "says.none": (
        "None of the models is sound in this sense.",
        "この意味で良好といえるモデルはありませんでした。",
    ),
    "says.between": (
        "A strength between the weak and the excessive ones is worth trying.",
        "「不足」と「過剰」の間の強度を試す価値があります。",
    ),
    # --- warnings
    "warn.dependent": (
        "{label}: the manifold is not independent. The model was trained with the very "
        "manifold that judges it here, so its alignment numbers prove nothing.",
        "{label}：多様体が独立ではありません。学習に使った多様体そのもので評価しているため、"
        "整合に関する数値は根拠になりません。",
    ),
    "warn.projected": (
        "{label}: the manifold is not independent of this gradient, which goes through the very "
        "denoiser that judges it and lies on it by construction: judge it by another (--second).",
        "{label}：この勾配は、評価に使うデノイザーそのものを通したもので、必ず多様体上に乗ります。"
        "別のデノイザー（--second）で評価してください。",
    ),
    "warn.unusable": (
        "{label}: the manifold did not pass its own checks; what needs it was not measured.",
        "{label}：多様体が品質基準を満たさなかったため、多様体を必要とする項目は測定していません。",
    ),
    "warn.no_manifold": (
        "{label}: audited without a manifold, so whether the gradients follow real images "
        "was not measured.",
        "{label}：多様体なしで監査したため、勾配が実際の画像に沿っているかどうかは測定していません。",
    ),
    "warn.data": (
        "The audits were not made on the same data; differences between models may be "
        "differences between data.",
        "監査に使ったデータが同じではありません。"
        "モデル間の差に、データの違いが含まれている可能性があります。",
    ),
    "warn.manifolds": (
        "The audits used different manifolds; on-manifold numbers of different models are not "
        "strictly comparable. The target shown is that of {label}.",
        "監査ごとに異なる多様体を使っています。多様体に関する数値は、モデル間で厳密には比較できません。"
        "図の目標は {label} のものです。",
    ),
    "warn.zero": (
        "{label}: {n} images have a zero gradient; they count as cosine 0.",
        "{label}：勾配がゼロの画像が {n} 枚あります（コサインは 0 として計算）。",
    ),
    "warn.masked": (
        "{label}: gradients may be masked, so that attacks by gradient say too much: {signs}. Do "
        "not trust its accuracy under attack.",
        "{label}：勾配が隠れている可能性があり、勾配による攻撃の結果は楽観的です：{signs}。"
        "攻撃下の正解率を信用しないでください。",
    ),
    "masked.black_box": (
        "{share} of the images are broken by an attack without gradients after all the others",
        "勾配を使わない攻撃だけが画像の {share} を誤らせました",
    ),
    "masked.own_norm": (
        "{share} stay right at an ε of the image's own norm",
        "画像自身のノルムと同じ ε でも {share} が正解のままです",
    ),
    "masked.more_steps": (
        "twice the steps break {share} more",
        "ステップを2倍にすると、さらに {share} が誤ります",
    ),
    "warn.out_of_reach": (
        "{label}: ε = {eps} is above {cap}, the largest radius its certificates can reach, so its "
        "certified accuracy is 0 whatever the model. Audit with a larger --certify or a smaller "
        "--eps.",
        "{label}：ε = {eps} は、保証できる半径の上限 {cap} を超えています。"
        "そのため保証付き正解率は、モデルによらず 0 になります。"
        "--certify を大きくするか、--eps を小さくして監査してください。",
    ),
    "warn.temperature_lowest": (
        "{label}: the fitted temperature stands at the lower end of its range: its few mistakes "
        "lie at the very boundary, and its probabilities are all drawn near 0 or 1.",
        "{label}：推定された温度が範囲の下限に達しています。わずかな誤りがすべて境界上にあり、"
        "確率はどれも 0 か 1 の近くになります。",
    ),
    "warn.temperature_highest": (
        "{label}: the fitted temperature stands at the upper end of its range: the logits tell "
        "nothing of the labels, and all probabilities are drawn alike.",
        "{label}：推定された温度が範囲の上限に達しています。ロジットはラベルについて何も語らず、"
        "確率はどれもほぼ等しくなります。",
    ),
    "warn.uncredited": (
        "{high} has more of its gradient on the manifold than {low} ({difference}), but in a fake "
        "manifold, which knows no image, the difference is not clearly smaller ({fakes}): this "
        "ranking is not credited to the manifold.",
        "{high} の勾配は {low} よりも多様体に沿っていますが（差 {difference}）、"
        "画像を知らない偽の多様体での差も、それより明らかに小さいとはいえません（{fakes}）。"
        "この順位は多様体によるものとはみなしません。",
    ),
    "warn.uncredited_more": (
        "So it is with {n} more pairs of models (“credit” in compare.json).",
        "ほかに {n} 組のモデルも同様です（compare.json の「credit」）。",
    ),
    "fake.low_pass": ("low frequencies", "低周波"),
    "fake.global_pca": ("global principal components", "大域主成分"),
    "warn.pictures": (
        "{label}: the pictures are missing. The file panels.safetensors could not be read, or "
        "holds other images than the other audits.",
        "{label}：図がありません。panels.safetensors を読み込めないか、"
        "ほかの監査と共通の画像が含まれていません。",
    ),
}
"""{key: (English, Japanese)}, part of `texts.TEXTS`."""
