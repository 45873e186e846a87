"""The texts of a sweep's page and tables, in English and Japanese side by side."""

SWEEP: dict[str, tuple[str, str]] = {
    "sweep.title": ("How much robustness is right?", "ロバスト性はどこまで強めるべきか"),
    "sweep.line": (
        "{data} · {n} images · {finished} runs finished, {collapsed} diverged, {failed} failed, "
        "{left} not yet",
        "{data} · 画像 {n} 枚 · 学習完了 {finished} 件、発散 {collapsed} 件、失敗 {failed} 件、"
        "未完了 {left} 件",
    ),
    "sweep.intro": (
        "Each point is a model trained at one strength, the mean of its seeds; bars are 95 % "
        "intervals over images, and over seeds where there are several. Colours behind the lines "
        "are the regimes: too weak, right (Bayes-aligned), too much. The standard model stands at "
        "the left, apart.",
        "各点は一つの強さで学習したモデルで、乱数シードの平均です。縦線は画像に対する"
        "（シードが複数あればシードにも対する）95 % 区間です。背景の色は状態を示します："
        "弱すぎる、適切（ベイズ整合）、強すぎる。左端に離れているのが標準モデルです。",
    ),
    "sweep.all_collapsed": (
        "Every run of this sweep collapsed: choose smaller strengths or a lower learning rate.",
        "ここで行った学習はすべて崩壊しました。強さを小さくするか、学習率を下げてください。",
    ),
    "sweep.method": ("{objective}: strength {field}", "{objective}：強さ {field}"),
    "sweep.strength": ("Strength", "強さ"),
    "sweep.seeds": ("Seeds", "シード数"),
    "sweep.standard": ("standard", "標準"),
    "sweep.accuracy": ("accuracy", "正解率"),
    "sweep.attacked": ("under attack", "攻撃下"),
    "sweep.fraction": ("gradient on the manifold", "勾配の多様体上の割合"),
    "sweep.control": ("its better control", "その対照"),
    "sweep.cosine": ("cosine to posterior score", "事後スコアとのコサイン"),
    "sweep.on": ("change along the manifold", "多様体に沿った変化"),
    "sweep.off": ("change off the manifold", "多様体から外れた変化"),
    "sweep.accuracies": ("Accuracy", "正解率"),
    "sweep.alignment": ("Alignment of gradients", "勾配の整合"),
    "sweep.changes": (
        "Change of the output by a step of {step} (l2)",
        "大きさ {step}（l2）の一歩による出力の変化",
    ),
    "sweep.boundary.on_manifold": (
        "Gradients are on the manifold from {field} = {place}.",
        "勾配が多様体に沿い始めるのは {field} = {place} からです。",
    ),
    "sweep.boundary.excessive": (
        "Accuracy is more than 5 points below the standard model's from {field} = {place}.",
        "正解率が標準モデルより5ポイントを超えて下がるのは {field} = {place} からです。",
    ),
    "sweep.here.all": ("here", "ここで調べた"),
    "sweep.here.collapsed": (
        "here with models that did not collapse",
        "ここで調べ、崩壊しなかったモデルのある",
    ),
    "sweep.here.missing": ("here that has been audited", "ここまでに監査した"),
    "sweep.here.both": (
        "here with audited models that did not collapse",
        "ここまでに監査し、崩壊しなかったモデルのある",
    ),
    "sweep.everywhere.on_manifold": (
        "Gradients are on the manifold more than their better control at every strength {here}.",
        "{here}すべての強さで、勾配は対照よりも多様体に沿っています。",
    ),
    "sweep.nowhere.on_manifold": (
        "At no strength {here} are gradients on the manifold more than their better control.",
        "{here}どの強さでも、勾配は対照と比べて多様体に沿っていません。",
    ),
    "sweep.everywhere.excessive": (
        "Accuracy is more than 5 points below the standard model's at every strength {here}.",
        "{here}すべての強さで、正解率が標準モデルより5ポイントを超えて下がっています。",
    ),
    "sweep.nowhere.excessive": (
        "At no strength {here} is accuracy more than 5 points below the standard model's.",
        "{here}どの強さでも、正解率は標準モデルより5ポイントを超えて下がっていません。",
    ),
    "sweep.first.on_manifold": (
        "On average, gradients are on the manifold more than their better control at the smallest "
        "strength {here} already.",
        "平均では、{here}最小の強さですでに、勾配は対照よりも多様体に沿っています。",
    ),
    "sweep.last.on_manifold": (
        "On average, gradients are on the manifold more than their better control at no strength "
        "{here}.",
        "平均では、{here}どの強さでも、勾配は対照と比べて多様体に沿っていません。",
    ),
    "sweep.shown.on_manifold": (
        " By its 95 % interval the excess over the control is shown at {shown}, and "
        "undecided at {undecided}.",
        "95 % 区間によって対照を上回ると示された強さ：{shown}。"
        "どちらとも言えない強さ：{undecided}。",
    ),
    "sweep.first.excessive": (
        "On average, accuracy is more than 5 points below the standard model's at every strength "
        "{here}.",
        "平均では、{here}すべての強さで、正解率が標準モデルより5ポイントを超えて下がっています。",
    ),
    "sweep.last.excessive": (
        "On average, accuracy is at most 5 points below the standard model's at the largest "
        "strength {here}.",
        "平均では、{here}最大の強さで、正解率の低下は標準モデルに対して5ポイント以内です。",
    ),
    "sweep.shown.excessive": (
        " By its 95 % interval a loss of more than 5 points is shown at {shown}, and "
        "undecided at {undecided}.",
        "95 % 区間によって5ポイントを超える低下が示された強さ：{shown}。"
        "どちらとも言えない強さ：{undecided}。",
    ),
    "sweep.no_strength": ("no strength", "なし"),
    "sweep.unknown.on_manifold": (
        "From which strength on gradients are on the manifold is not known: {reason}.",
        "どの強さから勾配が多様体に沿うかは分かりません（{reason}）。",
    ),
    "sweep.unknown.excessive": (
        "From which strength on accuracy is too low is not known: {reason}.",
        "どの強さから正解率が下がりすぎるかは分かりません（{reason}）。",
    ),
    "sweep.over_control": ("Cosine above its best control", "コサインと最良の対照との差"),
    "ceiling.unreliable": (
        "Two estimates of the target of the cosine agree at {value} only, below 0.5: the target is "
        "unreliable, no gradient can be expected to match it better, and small differences of the "
        "cosine between models say little.",
        "コサインの目標は、二つの推定の間でも {value} しか一致しません（0.5未満）。"
        "目標は信頼できず、どの勾配もこれを超えては一致しないと考えられ、"
        "モデル間の小さな差はほとんど意味を持ちません。",
    ),
    "ceiling.reliable": (
        "Two estimates of the target of the cosine agree at {value}: no gradient can be expected "
        "to match it better.",
        "コサインの目標は、二つの推定の間で {value} 一致します。"
        "どの勾配もこれを超えては一致しないと考えられます。",
    ),
    "sweep.beyond": ("beyond the sweep", "範囲外"),
    "sweep.collapsed": ("{n} of its seeds collapsed", "シードのうち {n} 件が崩壊"),
    "explains.title": ("What goes with alignment?", "整合と関係するのは何か"),
    "explains.intro": (
        "Rank correlation with the cosine to the posterior score over all runs, and with accuracy "
        "partialled out, 95 % over strengths and seeds; then by method, up to the strength with "
        "the highest cosine / over all. What is said to explain alignment must beat the plain "
        "alternatives: strength, accuracy, accuracy under attack, fake manifolds that know no "
        "image.",
        "全学習における事後スコアとのコサインとの順位相関、および正解率の影響を除いた偏相関"
        "（強さとシードに対する95 % 区間）。続いて方法別に、コサインが最大となる強さまで／全体。"
        "整合を説明するという量は、強さ、正解率、攻撃下の正解率、画像を知らない偽の多様体上の割合"
        "という単純な量より強く相関していなければなりません。",
    ),
    "explains.predictor": ("Over the runs", "学習ごとの量"),
    "explains.of": ("measured in {seen} of {n} runs only", "{n} 件中 {seen} 件の学習のみ"),
    "explains.all": ("Rank correlation", "順位相関"),
    "explains.partial": ("Accuracy held", "正解率を固定"),
    "explains.beyond": ("Beyond the best plain one", "単純な量の最良のものとの差"),
    "explains.method": ("{method}: to peak / all", "{method}：最大まで／全体"),
    "explains.robustness.rho_relative": ("ρ: noise response off ÷ on", "ρ：ノイズ応答 外÷内"),
    "explains.robustness.change_ratio": ("change on ÷ off", "変化の比 内÷外"),
    "explains.alignment.on_manifold_fraction": (
        "gradient on the manifold",
        "勾配の多様体上の割合",
    ),
    "explains.alignment.on_manifold_fraction_second": (
        "gradient on the second manifold",
        "勾配の第2の多様体上の割合",
    ),
    "explains.alignment.fraction_low_pass": (
        "gradient in a fake manifold: low frequencies",
        "勾配の偽の多様体（低周波）上の割合",
    ),
    "explains.alignment.fraction_global_pca": (
        "gradient in a fake manifold: global principal components",
        "勾配の偽の多様体（大域主成分）上の割合",
    ),
    "explains.strength": ("strength (rank within its method)", "強さ（方法内の順位）"),
    "explains.accuracy.clean": ("accuracy", "正解率"),
    "explains.accuracy.pgd_l2": ("accuracy under attack", "攻撃下の正解率"),
}
"""{key: (English, Japanese)}, part of `texts.TEXTS`."""

REASONS = {
    "fewer than two strengths have been audited": "監査済みの強さが二つ未満です",
    "the gradients were not held against a manifold": "勾配を多様体と比べていません",
    "there is no standard model to compare accuracies with": "比較する標準モデルがありません",
}
"""Why a boundary is not known, in Japanese."""
