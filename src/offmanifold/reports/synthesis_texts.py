"""Texts of the gallery of made images, in English and Japanese side by side."""

SYNTHESIS: dict[str, tuple[str, str]] = {
    "synthesis.title.generate": ("Generated images", "生成した画像"),
    "synthesis.title.denoise": ("Images without their noise", "ノイズを除いた画像"),
    "synthesis.title.inpaint": ("Holes filled", "欠けた部分を補った画像"),
    "synthesis.title.superresolve": ("More pixels", "解像度を上げた画像"),
    "synthesis.title.counterfactual": (
        "What would have to change?",
        "何が変われば判定が変わるか",
    ),
    "synthesis.line": (
        "{n} of {planned} images · model {model} · {manifold} · {mode}",
        "{planned} 枚中 {n} 枚 · モデル {model} · {manifold} · {mode}",
    ),
    "synthesis.manifold": ("manifold {name}", "多様体 {name}"),
    "synthesis.manifold.none": ("no manifold", "多様体なし"),
    "synthesis.mode.ascent": ("the classifier’s gradient alone", "分類器の勾配のみ"),
    "synthesis.mode.projected": (
        "the classifier’s gradient, along the manifold",
        "多様体に沿った分類器の勾配",
    ),
    "synthesis.mode.denoised": (
        "the classifier’s gradient, drawn to the manifold after each step",
        "分類器の勾配（各ステップの後に多様体へ近づける）",
    ),
    "synthesis.mode.manifold": (
        "the denoiser, guided by the classifier",
        "分類器が導くノイズ除去器",
    ),
    "synthesis.intro.generate": (
        "Each image was made to be what the classifier calls the class asked for. The nearest "
        "training image stands beside it, so that a copy would be seen.",
        "分類器が指定のクラスと判定するように作った画像です。"
        "写しであれば分かるように、最も近い学習画像を並べています。",
    ),
    "synthesis.intro.denoise": (
        "The framed picture is what was asked for; the others are plain ways to it from the same "
        "image.",
        "枠付きの画像が結果です。ほかは同じ画像に対する一般的な手法の結果です。",
    ),
    "synthesis.intro.inpaint": (
        "White in the mask is what was filled. What the given image holds under the mask was not "
        "looked at.",
        "マスクの白い部分だけを補いました。マスクの下にある元の画素は使っていません。",
    ),
    "synthesis.intro.superresolve": (
        "The mean of the framed picture over each block is the pixel that was given, up to "
        "rounding to 8 bits.",
        "枠付きの画像をブロックごとに平均すると、与えられた画素の値になります"
        "（8 ビットへの丸めの範囲で）。",
    ),
    "synthesis.intro.counterfactual": (
        "The smallest change that was found to change the decision: red is brighter, blue is "
        "darker. On a manifold it is a change that images can undergo; if a person does not see "
        "the new class in it, the classifier decides by something else.",
        "判定を変える、見つかった中で最も小さな変化です。赤は明るく、青は暗くなった部分です。"
        "多様体を使う場合は実際の画像に起こり得る変化に限られます。"
        "人が見て新しいクラスに見えなければ、分類器は別の手掛かりで判定しています。",
    ),
    "synthesis.column.result": ("result", "結果"),
    "synthesis.column.attempt": ("last attempt", "最後の試行"),
    "synthesis.column.given": ("given", "入力"),
    "synthesis.column.mask": ("mask", "マスク"),
    "synthesis.column.seed": ("seed", "初期画像"),
    "synthesis.column.denoiser": ("denoiser alone", "ノイズ除去器のみ"),
    "synthesis.column.conditional": ("denoiser, told the class", "クラスを与えたノイズ除去器"),
    "synthesis.column.ascent": ("classifier alone", "分類器のみ"),
    "synthesis.column.nearest_training": ("nearest training image", "最も近い学習画像"),
    "synthesis.column.mean_fill": ("mean fill", "平均値"),
    "synthesis.column.biharmonic": ("biharmonic", "重調和補間"),
    "synthesis.column.blur": ("blur", "ぼかし"),
    "synthesis.column.nl_means": ("non-local means", "非局所平均"),
    "synthesis.column.wavelet": ("wavelet", "ウェーブレット"),
    "synthesis.column.nearest": ("pixels given", "入力の画素"),
    "synthesis.column.bicubic": ("bicubic", "バイキュービック"),
    "synthesis.column.change": ("change", "変化"),
    "synthesis.column.original": ("original", "元の画像"),
    "synthesis.number.class": ("class {value}", "クラス {value}"),
    "synthesis.number.aimed": ("aimed at {value}", "目標 {value}"),
    "synthesis.number.before": ("seen as {value} before", "処理前の判定 {value}"),
    "synthesis.number.before.inpaint": (
        "mean fill seen as {value}",
        "平均値で補った画像の判定 {value}",
    ),
    "synthesis.number.before.superresolve": (
        "bicubic seen as {value}",
        "バイキュービックの判定 {value}",
    ),
    "synthesis.number.after": ("seen as {value} after", "処理後の判定 {value}"),
    "synthesis.number.was": ("was {value}", "元は {value}"),
    "synthesis.number.seen": ("seen as {value}", "判定 {value}"),
    "synthesis.number.probability": ("p = {value}", "確率 {value}"),
    "synthesis.number.sure": ("p > {value}", "確率 {value} 超"),
    "synthesis.number.norm": ("‖change‖ {value}", "‖変化‖ {value}"),
    "synthesis.number.steps": ("{value} steps", "{value} ステップ"),
    "synthesis.number.step": ("{value} step", "{value} ステップ"),
    "synthesis.number.sigma": ("noise σ = {value}", "ノイズ σ = {value}"),
    "synthesis.number.nearest": ("nearest at {value}", "最近傍まで {value}"),
    "synthesis.number.pieces": ("{value} pieces", "{value} 分割"),
    "synthesis.notfound": (
        "not found: this is the last attempt",
        "見つからず（画像は最後の試行結果）",
    ),
    "synthesis.missed": ("not seen as the class asked for", "指定のクラスと判定されず"),
    "synthesis.right": (
        "{right} of {n} images are seen as the class asked for by {model}, with whose gradients "
        "they were made, which does not prove that they look like it.",
        "{n} 枚中 {right} 枚が {model} によって指定のクラスと判定されました。"
        "同じモデルの勾配で作った画像のため、そのクラスらしく見える証拠にはなりません。",
    ),
    "synthesis.others": (
        "Seen as another class: {names}.",
        "別のクラスと判定された画像：{names}。",
    ),
    "synthesis.already": (
        "already that class: nothing to change",
        "すでにそのクラスのため変更なし",
    ),
    "synthesis.said.aimed": (
        "{name}: aimed at {class} ({probability}); seen as {before} before, {after} after",
        "{name}：目標 {class}（{probability}）、判定は {before} から {after}",
    ),
    "synthesis.said.aimed.inpaint": (
        "{name}: aimed at {class} ({probability}); with the hole filled by the mean seen as "
        "{before}, the result as {after}",
        "{name}：目標 {class}（{probability}）、"
        "判定は平均値で補った画像で {before}、結果で {after}",
    ),
    "synthesis.said.aimed.superresolve": (
        "{name}: aimed at {class} ({probability}); enlarged bicubically seen as {before}, the "
        "result as {after}",
        "{name}：目標 {class}（{probability}）、"
        "判定はバイキュービックの画像で {before}、結果で {after}",
    ),
    "synthesis.said.found": (
        "{name}: {was} turned into {class} ({probability}) by a change of {norm}",
        "{name}：{was} から {class} に変わりました（{probability}、変化 {norm}）",
    ),
    "synthesis.said.notfound": (
        "{name}: no change was found that turns {was} into {class}; more --steps may find one",
        "{name}：{was} を {class} に変える変化は見つかりませんでした"
        "（--steps を増やすと見つかることがあります）",
    ),
    "synthesis.said.already": (
        "{name}: the classifier says {class} already, so that there is nothing to change",
        "{name}：すでに {class} と判定されているため、変える必要がありません",
    ),
    "synthesis.said.more": ("… and {n} more, on the page", "… ほか {n} 枚はページにあります"),
    "synthesis.kept": (
        "Every pixel outside the mask is as in the file given, bit by bit.",
        "マスクの外の画素は、与えられたファイルから一切変わっていません。",
    ),
    "synthesis.altered": (
        "Taken not as in the file, but as altered first ({what}): {files}.",
        "{files} は処理の前に変換しました（{what}）。"
        "結果はファイルの画素そのものではなく、変換後の画像に対するものです。",
    ),
    "synthesis.altered.bits": (
        "brought from more than 8 bits a channel to 8",
        "チャンネルあたり 8 ビット超から 8 ビットへ",
    ),
    "synthesis.altered.colours": ("colour space converted to RGB", "色空間を RGB へ"),
    "synthesis.altered.alpha": ("alpha dropped", "透明度を破棄"),
    "synthesis.altered.channels": (
        "brought to the channels that the model takes",
        "モデルの扱うチャンネル数へ",
    ),
    "synthesis.altered.size": ("scaled and cropped", "拡大縮小と切り抜き"),
    "synthesis.found": (
        "The decision was turned for {found} of {n} images, judged on the 8-bit files as written.",
        "{n} 枚中 {found} 枚で判定が変わりました（保存した 8 ビット画像での判定）。",
    ),
    "synthesis.already.count": (
        "Already of the class asked for, and not counted: {n}.",
        "すでに指定のクラスのため数に入れていない画像：{n} 枚。",
    ),
    "synthesis.diversity": (
        "Two images made of one class are {made} apart on average, two training images of one "
        "class {real} (l2 norm; {n} images, classes: {classes}). Much below the training images "
        "those made are alike; as far apart says nothing of their quality, since noise is far "
        "apart too.",
        "同じクラスの生成画像どうしの距離は平均 {made}、学習画像どうしでは {real} です"
        "（l2 ノルム、{classes} クラスの {n} 枚）。"
        "学習画像よりずっと小さければ、生成画像は互いに似ています。"
        "同程度でも画質が良いとは限りません。ノイズどうしの距離も大きいためです。",
    ),
    "synthesis.scores": (
        "Distance to the originals: root mean square per pixel, mean over images (n = {n}) with "
        "its 95 % interval (Student’s t); less is better",
        "元の画像との差：画素あたりの二乗平均平方根"
        "（{n} 枚の平均と 95 % 区間（t 分布）、小さいほど良い）",
    ),
    "synthesis.scores.one": (
        "Distance to the original: root mean square per pixel; less is better",
        "元の画像との差：画素あたりの二乗平均平方根（小さいほど良い）",
    ),
    "synthesis.few": (
        "Of so few images (n = {n}) nothing is said of which way is better; give ten or more.",
        "画像が {n} 枚と少ないため、どの手法が優れているかは判断していません。"
        "10 枚以上で比較してください。",
    ),
    "synthesis.lost": (
        "On these images “{way}” loses to “{baseline}”, which needs no classifier: its error is "
        "larger by {by} (n = {n}, the same images).",
        "これらの画像では「{way}」は、分類器を使わない「{baseline}」に及びません。"
        "誤差は {by} だけ大きくなっています（同じ {n} 枚での比較）。",
    ),
    "synthesis.part": (
        "The first {shown} of {n} images are shown here; all {n} are PNG files beside this page.",
        "ここに示すのは {n} 枚のうち最初の {shown} 枚です。"
        "{n} 枚すべてがこのページと同じフォルダに PNG として保存されています。",
    ),
    "synthesis.all": ("Results", "結果一覧"),
    "synthesis.each": ("One by one", "1 枚ずつ"),
    "synthesis.units": (
        "p is the probability that the classifier gives to the class. Lengths are l2 norms of a "
        "whole image with pixels in [0, 1]; the change is counted from what the classifier’s part "
        "began with.",
        "確率は、そのクラスに対する分類器の値です。"
        "長さは画素を [0, 1] とした画像全体の l2 ノルムで、"
        "変化は分類器による処理の開始時点からの量です。",
    ),
    "synthesis.warn.weak": (
        "{model} is in the weak regime (not robust enough): by its gradient alone the results "
        "may look like noise.",
        "{model} は「ロバスト性不足」の状態です。"
        "勾配だけでは結果がノイズのようになることがあります。",
    ),
    "synthesis.warn.excessive": (
        "{model} is in the excessive regime (too robust): it has lost accuracy, and its results "
        "may be of another class than asked for.",
        "{model} は「ロバスト性過剰」の状態です。正解率が落ちており、"
        "指定と異なるクラスの結果になることがあります。",
    ),
    "synthesis.warn.collapsed": (
        "{model} is in the regime collapsed: it cannot tell the classes apart, and the results "
        "mean nothing.",
        "{model} は「崩壊」の状態です。クラスを区別できず、結果に意味はありません。",
    ),
    "synthesis.warn.chance": (
        "{model} is right on {accuracy!p} of images, and naming the largest class always would be "
        "right on {chance!p}: it cannot tell the classes apart, and the results mean nothing.",
        "{model} の正解率は {accuracy!p} で、最も多いクラスを常に答えた場合の {chance!p} と"
        "ほとんど変わりません。クラスを区別できず、結果に意味はありません。",
    ),
    "synthesis.warn.sensitive": (
        "{model} ({regime}) is not robust: an attack of l2 norm {eps} brings its accuracy from "
        "{clean!p} down to {under!p}, so that by its gradient alone the results may look like "
        "noise.",
        "{model}（{regime}）はロバストではありません。"
        "l2 ノルム {eps} の攻撃で正解率が {clean!p} から {under!p} に落ちるため、"
        "勾配だけでは結果がノイズのようになることがあります。",
    ),
    "synthesis.warn.standard": (
        "{model} ({regime}) was trained without any robustness (erm): by its gradient alone the "
        "results may look like noise.",
        "{model}（{regime}）はロバスト性の学習をしていません（erm）。"
        "勾配だけでは結果がノイズのようになることがあります。",
    ),
    "synthesis.warn.mistaken": (
        "{model} ({regime}) is right on only {accuracy!p} of images: its results may be of another "
        "class than asked for.",
        "{model}（{regime}）の正解率は {accuracy!p} にとどまります。"
        "指定と異なるクラスの結果になることがあります。",
    ),
    "synthesis.regime.unaudited": ("not audited", "未監査"),
    "synthesis.regime.bayes-aligned": ("regime: Bayes-aligned", "状態：ベイズ整合"),
    "synthesis.regime.uncertain": ("regime: uncertain", "状態：判定保留"),
}
