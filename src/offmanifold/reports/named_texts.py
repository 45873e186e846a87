"""What is named in an audit: settings, terms of the glossary, units; in English and Japanese."""

NAMED: dict[str, tuple[str, str]] = {
    # --- skipped, settings, notes
    "skipped": ("What was not measured, and why", "測定しなかった項目とその理由"),
    "skipped.none": ("Nothing was left out.", "省略した項目はありません。"),
    "skipped.reason": ("Reason", "理由"),
    "reason.unknown": ("no reason was saved", "理由は保存されていません"),
    "settings": ("Settings", "測定条件"),
    "settings.all": ("all models", "全モデル共通"),
    "settings.model": ("Model", "モデル"),
    "settings.data": ("Data", "データ"),
    "settings.manifold": ("Manifold", "多様体"),
    "settings.audit": ("Audit", "監査"),
    "yes": ("yes", "はい"),
    "no": ("no", "いいえ"),
    "key.spec": ("specification", "指定"),
    "key.parameters": ("parameters", "パラメータ数"),
    "key.objective": ("training objective", "学習の目的関数"),
    "key.weights_hash": ("weights hash", "重みのハッシュ"),
    "key.input_shape": ("input shape (c, h, w)", "入力の形（c, h, w）"),
    "key.shape": ("shape (c, h, w)", "形（c, h, w）"),
    "key.licence": ("licence", "ライセンス"),
    "key.name": ("name", "名前"),
    "key.fingerprint": ("fingerprint", "フィンガープリント"),
    "key.split": ("split", "分割"),
    "key.n": ("images", "画像数"),
    "key.labels": ("labels", "ラベル"),
    "key.masks": ("masks", "マスク"),
    "key.classes": ("classes", "クラス"),
    "key.skipped": ("images skipped", "読み飛ばした画像"),
    "key.told": ("what was decided in loading", "読み込み時の判断"),
    "key.hash": ("hash", "ハッシュ"),
    "key.sigma": ("σ, standard deviation per pixel", "σ（画素ごとの標準偏差）"),
    "key.dimension": ("dimension", "次元"),
    "key.trace_ratio": ("trace ratio (gate: 0.9–1.1)", "トレース比（基準：0.9–1.1）"),
    "key.asymmetry": ("asymmetry (gate: ≤ 0.1)", "非対称性（基準：0.1 以下）"),
    "key.error": ("held-out denoising error", "検証用画像での雑音除去誤差"),
    "key.independent": ("independent of the model", "モデルから独立"),
    "key.usable": ("usable", "使用可否"),
    "key.pooling": ("pooling, pixels a block", "プーリング（ブロックの画素数）"),
    "key.seed": ("seed", "シード"),
    "key.eps": ("attack radius ε", "攻撃の半径 ε"),
    "key.gradient": ("gradient of", "勾配の対象"),
    "key.variant_of": ("of which it is a variant", "変種のもとになる勾配"),
    "key.reference_step": ("reference step", "基準の移動量"),
    "key.precision": ("precision of the attacks' steps", "攻撃の各ステップの精度"),
    "key.temperature": ("temperature of the softmax", "ソフトマックスの温度"),
    "key.temperature_bound": ("end of its range at which it stands", "温度が達した範囲の端"),
    "key.draws": ("noise draws", "雑音の抽出回数"),
    "key.directions": ("directions a side", "片側あたりの方向数"),
    "key.lpips_weights": ("weights of LPIPS, hash", "LPIPSの重みのハッシュ"),
    "key.lpips_input": (
        "what LPIPS sees: channels, height, width",
        "LPIPSへの入力（チャネル・高さ・幅）",
    ),
    "key.certify_sigma": ("noise σ of the smoothed classifier", "平滑化に使う雑音の σ"),
    "key.certify_choice": ("draws that choose the class", "クラスを選ぶための抽出回数"),
    "key.certify_draws": ("draws that certify it", "保証のための抽出回数"),
    "key.certify_alpha": ("chance of a wrong certificate, at most", "保証が誤りである確率の上限"),
    "key.certify_cap": ("largest radius these draws can certify", "保証できる半径の上限"),
    "key.d": ("d, values an image", "d（画像 1 枚の値の数）"),
    "gradient.log_prob": ("log p(class | image)", "log p(クラス | 画像)"),
    "gradient.logit": ("the logit of the class", "クラスのロジット"),
    "gradient.logsumexp": ("logsumexp of the logits", "ロジットの logsumexp"),
    "gradient.logit_sum": ("the sum of the logits", "ロジットの和"),
    "gradient.loss": ("the loss", "損失"),
    "gradient.margin": ("the margin", "マージン"),
    "gradient.smoothgrad": (
        "the log-odds of the class, averaged over noisy copies",
        "クラスの対数オッズ（雑音を加えた画像での平均）",
    ),
    "gradient.integrated_gradients": (
        "the log-odds of the class, integrated from black",
        "クラスの対数オッズ（黒画像からの積分）",
    ),
    "gradient.projected": (
        "the log-odds of the class, through a denoiser",
        "クラスの対数オッズ（雑音除去器を通したもの）",
    ),
    "notes": ("How far these numbers go", "数値の読み方と限界"),
    "notes.over": (
        "Intervals are 95 % over images for one trained network; they say nothing on other seeds.",
        "信頼区間は、学習済みネットワーク 1 個についての、画像に関する 95 % 区間です。"
        "別のシードで学習した場合については何も示しません。",
    ),
    "notes.manifold": (
        "“On the manifold” means on the manifold as one estimator sees it; nobody knows the "
        "true one.",
        "「多様体上」とは、1 つの推定器が捉えた多様体に関する判断です。"
        "真の多様体は誰にも分かりません。",
    ),
    "notes.rule": (
        "The regime follows a fixed rule (rule {rule}) from intervals alone; no one chose it "
        "by eye.",
        "状態は、固定された規則（規則 {rule}）に従い、信頼区間だけから判定しています。"
        "人が目で見て決めたものではありません。",
    ),
    "notes.temperature": (
        "Gradients, attacks and changes of the answer are taken at the temperature that fits the "
        "validation images, so that nothing depends on the scale of the logits; decisions do not "
        "depend on it.",
        "勾配、攻撃、出力の変化は、検証画像に合わせた温度で計算するため、ロジットの尺度に依存しません。"
        "分類結果そのものは温度に依存しません。",
    ),
    "notes.credit": (
        "Of the {n} pairs of models that differ clearly in the gradient on the manifold, "
        "{credited} differ clearly more than in fake manifolds, which know no image; how the "
        "others rank is not credited to the manifold.",
        "多様体上の勾配の割合が明らかに異なるモデルの組は {n} 組あり、そのうち {credited} 組では、"
        "画像を知らない偽の多様体での差を明らかに上回ります。"
        "それ以外の順位は多様体によるものとはみなしません。",
    ),
    "notes.certified": (
        "Certificates hold for the classifier smoothed with noise of σ = {sigma}, each at a "
        "confidence of 1 − {alpha}. {n} draws cannot certify a radius above {cap}.",
        "保証は σ = {sigma} の雑音で平滑化した分類器についてのもので、信頼度は画像ごとに "
        "1 − {alpha} です。{n} 回の抽出では、{cap} を超える半径は保証できません。",
    ),
    # --- glossary
    "glossary": ("Words used here", "用語"),
    "glossary.manifold": ("Manifold", "多様体"),
    "glossary.manifold.text": (
        "The set of all images that could really occur: every part your camera might see. Moving "
        "along it turns one real image into another.",
        "実際に起こりうる画像全体の集まりです。たとえば、カメラの前に来る可能性のある"
        "すべての部品の画像を指します。多様体に沿って動くと、ある実際の画像が別の実際の画像に変わります。",
    ),
    "glossary.on": ("On, off the manifold", "多様体上・多様体外"),
    "glossary.on.text": (
        "A change is on the manifold where the result still looks like a real image (a longer "
        "scratch, a thicker stroke), off it where it does not (specks that no camera makes).",
        "変化後も実際の画像に見える変化（傷が長くなる、線が太くなるなど）が多様体上、"
        "そう見えない変化（カメラでは生じない細かな点など）が多様体外です。",
    ),
    "glossary.gradient": ("Gradient", "勾配"),
    "glossary.gradient.text": (
        "For each pixel, how much the answer changes when that pixel becomes a little brighter.",
        "各画素を少し明るくしたときに、答えがどれだけ変わるかを表したものです。",
    ),
    "glossary.score": ("Target score", "目標スコア"),
    "glossary.score.text": (
        "The gradient that the best possible classifier would have, estimated from the images by "
        "a separate model. The match is a cosine: 1 is the same direction, 0 is unrelated.",
        "理想的な分類器がもつはずの勾配を、別のモデルで画像から推定したものです。"
        "一致度はコサインで表し、1 は同じ方向、0 は無関係を意味します。",
    ),
    "glossary.signal": ("Signal", "信号部分"),
    "glossary.signal.text": (
        "The part of the image known to matter, where the data say so; the rest is distraction.",
        "判断に関係すると分かっている画像の部分です（データに情報がある場合）。残りは妨害部分です。",
    ),
    "glossary.attack": ("Accuracy under attack", "攻撃下の正解率"),
    "glossary.attack.text": (
        "The share of images still answered rightly when each is changed, by at most ε, in the "
        "worst way an attack finds.",
        "各画像を、大きさ ε 以内で、攻撃手法が見つけた最も不利な形に変えても、"
        "なお正しく答えられる割合です。",
    ),
    "glossary.certified": ("Certified accuracy, radius", "保証付き正解率・保証半径"),
    "glossary.certified.text": (
        "The classifier is asked about many noisy copies of an image and the most frequent answer "
        "is taken. How frequent it is proves a radius within which no change of the image alters "
        "that answer. The share of images answered rightly with a radius of at least ε is the "
        "certified accuracy.",
        "1 枚の画像に雑音を加えた多数の複製を分類し、最も多い答えを採用します。"
        "その答えがどれだけ多いかによって、画像をどのように変えても答えが変わらない半径を証明できます。"
        "正しく答え、その半径が ε 以上である画像の割合が保証付き正解率です。",
    ),
    "glossary.control": ("Control, chance", "対照・偶然の水準"),
    "glossary.control.text": (
        "What the same measurement gives for something that cannot know the object: noise, an "
        "untrained network, another image. A number counts only above its best control.",
        "対象を知りえないもの（雑音、未学習のネットワーク、別の画像など）を同じ方法で測った値です。"
        "最も高い対照を上回って初めて、その数値に意味があります。",
    ),
    "glossary.interval": ("95 % interval", "95 % 信頼区間"),
    "glossary.interval.text": (
        "The range in which the number would be expected, had other images been drawn.",
        "別の画像を抽出した場合に、数値が収まると見込まれる範囲です。",
    ),
    "made": (
        "Made from saved audits by offmanifold {version}.",
        "offmanifold {version} により、保存済みの監査結果から作成。",
    ),
    "made.data": ("Data fingerprint", "データのフィンガープリント"),
    # --- units that audits name
    "unit.l2 norm, pixels in [0,1]": ("l2 norm, pixels in [0, 1]", "l2 ノルム、画素値 [0, 1]"),
    "unit.l2 norm per image, pixels in [0,1]": (
        "l2 norm per image, pixels in [0, 1]",
        "画像ごとの l2 ノルム、画素値 [0, 1]",
    ),
    "unit.draws per image": ("draws an image", "画像 1 枚あたりの回数"),
    "unit.chance per image": ("an image", "画像 1 枚あたり"),
    "unit.share": ("share", "割合"),
    "unit.share of pixels": ("share of pixels", "画素の割合"),
    "unit.probability": ("probability", "確率"),
    "unit.share of energy": ("share of energy", "エネルギーの割合"),
    "unit.L1 of softmax": ("L1 of softmax", "softmax の L1"),
    "unit.l2 of softmax": ("l2 of softmax", "softmax の l2"),
    "unit.l2 norm": ("l2 norm", "l2 ノルム"),
    "unit.linf norm, pixels in [0,1]": ("l∞ norm, pixels in [0, 1]", "l∞ ノルム、画素値 [0, 1]"),
    "unit.l2 norm of the step, pixels in [0, 1]": (
        "l2 norm of the step, pixels in [0, 1]",
        "移動の l2 ノルム、画素値 [0, 1]",
    ),
    "unit.σ of the noise per pixel, pixels in [0, 1]": (
        "σ of the noise per pixel, pixels in [0, 1]",
        "雑音の画素ごとの σ、画素値 [0, 1]",
    ),
    "unit.side of the blocks averaged over, pixels": (
        "side of the blocks averaged over, pixels",
        "平均をとるブロックの一辺（画素）",
    ),
    "unit.sd per pixel": ("σ, standard deviation per pixel", "σ、画素ごとの標準偏差"),
    "unit.standard deviation per pixel": (
        "σ, standard deviation per pixel",
        "σ、画素ごとの標準偏差",
    ),
    "unit.standard deviation per pixel, pixels in [0,1]": (
        "σ, standard deviation per pixel, pixels in [0, 1]",
        "σ、画素ごとの標準偏差、画素値 [0, 1]",
    ),
}
"""{key: (English, Japanese)}, part of `texts.TEXTS`."""
