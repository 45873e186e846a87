"""The texts of tables, in English and Japanese."""

TABLE: dict[str, tuple[str, str]] = {
    # --- table
    "table": ("All numbers", "全測定値"),
    "table.intro": (
        "As saved in the audits. The difference is to the best control, image by image; "
        "z is that difference divided by its standard error, the effect that difference "
        "divided by its standard deviation over images.",
        "監査に保存された値です。「差」は最も高い対照との画像ごとの差、"
        "z はその差を標準誤差で割った値、効果量はその差を画像間の標準偏差で割った値です。",
    ),
    "table.measure": ("Measure", "測定項目"),
    "table.model": ("Model", "モデル"),
    "table.value": ("Value", "値"),
    "table.interval": ("95 % interval", "95 % 信頼区間"),
    "table.n": ("n", "n"),
    "table.chance": ("Chance", "偶然の水準"),
    "table.controls": ("Controls, the best in bold", "対照（最も高いものを太字）"),
    "table.difference": ("Difference", "差"),
    "table.z": ("z", "z"),
    "table.effect": ("Effect", "効果量"),
    "table.best": ("Best control", "最良の対照"),
    "table.over_control": (
        "z {z}, effect {effect} ({control})",
        "z {z}、効果量 {effect}（{control}）",
    ),
    "table.ceiling": ("Ceiling", "上限"),
    "table.higher": ("higher is better", "高いほど良い"),
    "table.lower": ("lower is better", "低いほど良い"),
    "over.images": ("{n} images", "{n} 枚"),
    "over.seeds": ("{n} seeds", "シード {n} 個"),
    "group.accuracy": ("Accuracy", "正解率"),
    "group.alignment": ("Alignment of the gradient", "勾配の整合"),
    "group.robustness": ("Robustness", "ロバスト性"),
    "group.output": ("Output", "出力"),
    "group.signal": ("Signal and distractor", "信号と妨害部分"),
    "group.deletion": ("Deletion of pixels", "画素の削除"),
    "control.white_noise": ("white noise", "白色雑音"),
    "control.spectrum_noise": ("noise with the image’s spectrum", "画像と同じスペクトルの雑音"),
    "control.untrained": ("untrained network", "未学習のネットワーク"),
    "control.label_randomised": (
        "network trained on random labels",
        "ランダムなラベルで学習したネットワーク",
    ),
    "control.wrong_image": ("that of another image", "別画像のもの"),
    "control.wrong_class": ("score of another class", "別クラスのスコア"),
    "control.image": ("the image itself", "画像そのもの"),
    "control.deviation": ("distance from the mean image", "平均画像との差"),
    "control.class_mean": ("class mean − image", "クラス平均 − 画像"),
    "differences": ("Differences between models", "モデル間の差"),
    "differences.intro": (
        "Paired image by image, with 95 % intervals. An interval that does not contain 0 is "
        "printed in bold.",
        "同じ画像どうしを対にした差と 95 % 信頼区間です。0 を含まない区間は太字で示しています。",
    ),
    "differences.against": ("Compared with", "比較の相手"),
}
"""{key: (English, Japanese)}, part of `texts.TEXTS`."""
