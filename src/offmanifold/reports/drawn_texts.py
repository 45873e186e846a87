"""The texts of a page's cards, pictures and figures, in English and Japanese."""

DRAWN: dict[str, tuple[str, str]] = {
    # --- models
    "models": ("The models", "モデルの一覧"),
    "models.intro": (
        "One row a model. The dot is the measured value, the bar its 95 % interval, each thin "
        "line a control: what the same measurement gives where there is nothing to find.",
        "1 行が 1 モデルです。丸は測定値、帯は 95 % 信頼区間、細い縦線は対照"
        "（見つかるものが何もない場合に、同じ測り方で得られる値）です。",
    ),
    "regime.weak": ("Weak", "ロバスト性不足"),
    "regime.bayes-aligned": ("Bayes-aligned", "ベイズ整合"),
    "regime.excessive": ("Excessive", "ロバスト性過剰"),
    "regime.collapsed": ("Collapsed", "崩壊"),
    "regime.variant": ("Variant", "勾配の変種"),
    "regime.uncertain": ("Uncertain", "判定保留"),
    "regime": ("Regime", "状態"),
    "plain.weak": (
        "Right answers perhaps, but it also reacts to changes that no real image shows.",
        "正解できていても、実際の画像では起こらない変化にまで反応しています。",
    ),
    "plain.bayes-aligned": (
        "Accurate, and it reacts to the changes that real images show.",
        "正解率が高く、実際の画像で起こる変化に反応しています。",
    ),
    "plain.excessive": (
        "So robust that it has become less accurate.",
        "ロバスト性を高めすぎて、正解率が下がっています。",
    ),
    "plain.collapsed": (
        "It gives nearly the same answer whatever it sees.",
        "何を見ても、ほぼ同じ答えを返します。",
    ),
    "plain.variant": (
        "A variant of this model’s gradient, to be compared with it.",
        "このモデルの勾配の変種です。勾配そのものと比べるために示します。",
    ),
    "plain.uncertain": (
        "The measurements do not settle where it stands.",
        "今回の測定だけでは、どの状態にあるかを判定できません。",
    ),
    "card.accuracy.clean": ("Accuracy", "正解率"),
    "card.accuracy.pgd_l2": ("Accuracy under attack", "攻撃下の正解率"),
    "card.accuracy.ensemble_l2": ("Accuracy under an ensemble", "攻撃の組合せでの正解率"),
    "card.accuracy.certified": ("Certified accuracy", "保証付き正解率"),
    "card.accuracy.smoothed": ("Accuracy of the smoothed classifier", "平滑化した分類器の正解率"),
    "card.robustness.certified_radius": ("Average certified radius", "平均保証半径"),
    "card.signal.fraction": ("Gradient on the signal", "信号部分にある勾配の割合"),
    "card.alignment.on_manifold_fraction": ("Gradient on the manifold", "多様体上の勾配の割合"),
    "card.alignment.cosine_posterior": ("Match with the target score", "目標スコアとの一致度"),
    "card.alignment.lpips_posterior": (
        "Likeness to the target score",
        "目標スコアとの知覚的類似度",
    ),
    "card.none": ("not measured", "測定なし"),
    "card.why": ("see why", "理由を見る"),
    "card.control": ("best control: {name}", "最も高い対照：{name}"),
    "card.ceiling": ("ceiling: two estimates agree at", "上限（二つの推定の一致度）"),
    "card.unreliable": (
        "– below 0.5: the target is unreliable",
        "– 0.5未満のため、目標は信頼できません",
    ),
    "card.chance": ("chance", "偶然の水準"),
    "card.difference": ("difference to it", "その差"),
    "points": ("{value} points", "{value} ポイント"),
    "parameters": ("{n} parameters", "パラメータ数 {n}"),
    # --- pictures
    "pictures": ("The pictures", "画像で見る"),
    "pictures.intro": (
        "One line an image, one column a model: which pixels, made brighter or darker, change "
        "the answer?",
        "1 行が 1 枚の画像、1 列が 1 つのモデルです。"
        "どの画素を明るく、または暗くすると答えが変わるかを示します。",
    ),
    "pictures.choice.classes": (
        "Shown is the first saved image of each class, in order, {n} in all; none was picked "
        "for its looks.",
        "各クラスで最初に保存された画像を順に {n} 枚表示しています。"
        "見栄えによる選別はしていません。",
    ),
    "pictures.choice.rounds": (
        "Shown are the first saved images of each class in turn, {n} in all; none was picked "
        "for its looks.",
        "各クラスの画像を保存順に 1 枚ずつ、合わせて {n} 枚表示しています。"
        "見栄えによる選別はしていません。",
    ),
    "pictures.choice.first": (
        "Shown are the first {n} saved images; none was picked for its looks.",
        "保存された最初の {n} 枚を表示しています。見栄えによる選別はしていません。",
    ),
    "pictures.image": ("image", "画像"),
    "pictures.target": ("target score", "目標スコア"),
    "pictures.gradient": ("gradient", "勾配"),
    "pictures.tangent": ("on-manifold part", "多様体上の成分"),
    "pictures.normal": ("off-manifold part", "多様体外の成分"),
    "pictures.show": ("Show for each model", "各モデルの表示"),
    "pictures.missing": ("no picture", "図なし"),
    "pictures.zero": ("zero gradient", "勾配ゼロ"),
    "pictures.wrong": ("wrong", "誤り"),
    "pictures.none": (
        "There are no pictures to show: no panels.safetensors could be read.",
        "表示できる図がありません。panels.safetensors を読み込めませんでした。",
    ),
    "pictures.scale.grey": (
        "One scale for every coloured picture: each direction has l2 norm 1; colours run from "
        "−c (blue: darker) over 0 (white) to +c (red: brighter), c = {k}/√d = {c}, d = {d}. "
        "{clipped} % of the pixels lie beyond ±c and are drawn at the end of the scale.",
        "色の付いた図はすべて同じ尺度です。各方向は l2 ノルムを 1 にそろえ、"
        "色は −c（青：暗くする）から 0（白）を経て +c（赤：明るくする）まで、"
        "c = {k}/√d = {c}、d = {d} です。±c を超える {clipped} % の画素は端の色で描いています。",
    ),
    "pictures.scale.colour": (
        "One scale for every direction: each has l2 norm 1; mid-grey is 0, and a channel runs "
        "from −c (dark) to +c (bright), c = {k}/√d = {c}, d = {d}. {clipped} % of the "
        "values lie beyond ±c and are drawn at the end of the scale.",
        "方向の図はすべて同じ尺度です。各方向は l2 ノルムを 1 にそろえ、中間の灰色が 0、"
        "各色成分は −c（暗い）から +c（明るい）まで、c = {k}/√d = {c}、d = {d} です。"
        "±c を超える {clipped} % の値は端の明るさで描いています。",
    ),
    "pictures.channels": (
        "The images have {n} channels; at most the first three are drawn.",
        "画像は {n} チャネルです。図には最初の 3 チャネルまでを示しています。",
    ),
    "look": ("What to look for", "図の見方"),
    "look.1": (
        "A model to trust draws the object: its gradient resembles the target score, with "
        "strokes where the object has strokes.",
        "信頼できるモデルの勾配には、対象そのものが現れます。"
        "目標スコアに似て、対象の線がある場所に模様が出ます。",
    ),
    "look.2": (
        "Salt-and-pepper specks all over mean that the model reacts to what no real image shows.",
        "ごま塩状の点が全面に広がるときは、実際の画像では起こらない変化にモデルが反応しています。",
    ),
    "look.3": (
        "Colour where the object is not (background, markings) means that the answer also "
        "depends on those.",
        "対象以外（背景や印字など）に色が付くときは、答えがその部分にも左右されています。",
    ),
    "look.4": (
        "The target score is what a model of the images themselves, not of their classes, says: "
        "the change that makes the image more like its class than like the others.",
        "目標スコアは、分類とは別に画像そのものを学習したモデルが示す変化、"
        "すなわち、その画像をほかのクラスよりも正解クラスらしくする変化です。",
    ),
    # --- curves
    "curves": ("Change of the answer along and away from real images", "変化の方向と出力の変化"),
    "curves.intro": (
        "How much the answer changes when an image is moved by a step along the manifold "
        "(solid line) or away from it (dashed grey line). All panels have the same axes.",
        "画像を多様体に沿って動かしたとき（実線）と、多様体から外れる方向へ動かしたとき"
        "（灰色の破線）の、出力の変化の大きさです。どの図も軸の範囲は共通です。",
    ),
    "curves.look": (
        "The more the solid line stands above the dashed one, the more the model keeps to "
        "changes that real images show.",
        "実線が破線より高いほど、実際の画像で起こる変化を選んで反応しているといえます。",
    ),
    "curves.reference": (
        "Dotted: the reference step, {step}.",
        "点線は基準の移動量（{step}）です。",
    ),
    "curves.band": (
        "Bands are 95 % intervals over images.",
        "帯は画像に関する 95 % 信頼区間です。",
    ),
    "curves.x": ("step, {unit}", "移動量（{unit}）"),
    "curves.y": ("change of the answer", "出力の変化"),
    "curves.on": ("on", "上"),
    "curves.off": ("off", "外"),
    "deletion": (
        "Does the answer hang on the pixels that the gradient points at?",
        "答えは勾配が示す画素で決まっているか",
    ),
    "deletion.intro": (
        "The probability of the model’s own answer when pixels are replaced by the mean of the "
        "training images: those with the largest gradient first (solid line), or those with the "
        "smallest first (dashed grey line). All panels have the same axes.",
        "画素を学習画像の平均で置き換えていったときの、モデル自身の答えの確率です。"
        "実線は勾配の大きい画素から、灰色の破線は小さい画素から置き換えた場合です。"
        "どの図も軸の範囲は共通です。",
    ),
    "deletion.look": (
        "The further the solid line lies below the dashed one, the better the gradient tells "
        "which pixels the answer needs.",
        "実線が破線より低いほど、答えに必要な画素を勾配が正しく示しているといえます。",
    ),
    "deletion.x": ("{unit} deleted", "削除した{unit}"),
    "deletion.y": ("probability", "確率"),
    "deletion.most": ("most", "大"),
    "deletion.least": ("least", "小"),
    # --- accuracy
    "accuracy": ("Accuracy and robustness together", "正解率とロバスト性"),
    "accuracy.intro": (
        "Filled circles: clean images. Hollow diamonds: the same images under attack{eps}. "
        "Lines are 95 % intervals.",
        "塗りつぶしの丸は通常の画像、白抜きのひし形は攻撃を加えた同じ画像{eps}での正解率です。"
        "線は 95 % 信頼区間です。",
    ),
    "accuracy.eps": (" (ε = {eps}, {unit})", "（ε = {eps}、{unit}）"),
    "accuracy.bound": (
        "Accuracy under attack is an upper bound: a stronger attack may find more errors.",
        "攻撃下の正解率は上限値です。より強い攻撃では、さらに誤りが見つかる可能性があります。",
    ),
    "accuracy.squares": (
        "Hollow squares: the certified accuracy of the smoothed classifier at the same ε.",
        "白抜きの四角は、同じ ε での、平滑化した分類器の保証付き正解率です。",
    ),
    "accuracy.certified": (
        "Certified accuracy is a lower bound that no attack can undercut, but of another "
        "classifier: the one smoothed with noise.",
        "保証付き正解率は、どの攻撃でも下回らない下限値です。"
        "ただし、雑音で平滑化した別の分類器についての値です。",
    ),
    "accuracy.chart": ("Accuracy, clean and under attack", "正解率（通常と攻撃下）"),
    "accuracy.scatter": ("Accuracy and alignment", "正解率と整合の度合い"),
    "accuracy.best_corner": (
        "Right and up is better. Colours are those of the regimes.",
        "右上ほど良好です。色は状態を表します。",
    ),
    "accuracy.none": ("Accuracy was not measured.", "正解率は測定していません。"),
}
"""{key: (English, Japanese)}, part of `texts.TEXTS`."""
