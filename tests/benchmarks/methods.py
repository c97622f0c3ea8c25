"""What each chapter's method cells compute, stated a second time: by a library that offers it, else in plain NumPy.

One entry is one function below, which gets the chapter's methods and returns two functions without arguments: the
chapter's way and the other one. Both return the same numbers (`test_methods.py`), and the benchmark times them side by
side (`bench.py`). The second statements come from the papers' equations, in float64, with derivatives written out.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

PLAIN = "NumPy"


@dataclass(frozen=True)
class Entry:
    """A computation of a chapter.

    Attributes:
        what: the computation in words, with its size.
        beside: the library functions that compute the same, or PLAIN.
        make: takes the chapter's methods; returns (the chapter's computation, the other one).
        slower: why the library is faster; empty where it must not be.
    """

    slug: str
    what: str
    beside: str
    make: Callable
    slower: str

    @property
    def name(self) -> str:
        return self.make.__name__


ENTRIES: list[Entry] = []


def entry(slug: str, what: str, beside: str = PLAIN, *, slower: str = ""):
    """Enter the decorated function into the table."""

    def enter(make):
        ENTRIES.append(Entry(slug, what, beside, make, slower))
        return make

    return enter


# ------------------------------------------------------------------------------------------------ what several need


def numbers() -> np.random.Generator:
    return np.random.default_rng(0)


def floats(*arrays: np.ndarray) -> list[torch.Tensor]:
    """The arrays as the chapters take them, in float32."""
    return [torch.from_numpy(array).float() for array in arrays]


def softmax(logits: np.ndarray) -> np.ndarray:
    """Over the second dimension."""
    shifted = np.exp(logits - logits.max(1, keepdims=True))
    return shifted / shifted.sum(1, keepdims=True)


def one_hot(labels: np.ndarray, num_classes: int) -> np.ndarray:
    """Classes last: [...] to [...,K]."""
    return np.eye(num_classes)[labels]


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def with_gradient(loss: Callable, inputs: torch.Tensor) -> Callable:
    """A function that gives `loss(inputs)` and its derivative: what one step of optimisation computes."""
    leaf = inputs.clone().requires_grad_()

    def step():
        value = loss(leaf)
        return value.detach(), torch.autograd.grad(value, leaf)[0]

    return step


# ----------------------------------------------------------------------------------------------------- wrong labels


@entry(
    "confident-learning", "flag label errors among 4,000 examples of 10 classes", "cleanlab.filter.find_label_issues"
)
def label_errors(method):
    from cleanlab.filter import find_label_issues

    labels, probs = noisy_predictions(4000, 10)
    ours = torch.from_numpy(labels), torch.from_numpy(probs)
    return (
        lambda: method.find_label_errors(*ours),
        lambda: find_label_issues(labels, probs, n_jobs=1),
    )


@entry("confident-learning", "count the confident joint of 4,000 examples", "cleanlab.count.compute_confident_joint")
def confident_joint(method):
    from cleanlab.count import compute_confident_joint

    labels, probs = noisy_predictions(4000, 10)
    ours = torch.from_numpy(labels), torch.from_numpy(probs)
    return (
        lambda: method.confident_joint(*ours),
        lambda: compute_confident_joint(labels, probs, calibrate=False),
    )


def noisy_predictions(n: int, num_classes: int) -> tuple[np.ndarray, np.ndarray]:
    """Labels of which a fifth is wrong, and probabilities that know the right ones fairly well."""
    rng = numbers()
    true = rng.integers(num_classes, size=n)
    labels = np.where(rng.random(n) < 0.2, rng.integers(num_classes, size=n), true)
    return labels, softmax(2 * rng.standard_normal((n, num_classes)) + 3 * one_hot(true, num_classes))


@entry("early-learning-regularization", "one step: targets, loss and gradient of a batch of 256")
def elr_step(method):
    rng = numbers()
    logits, labels = 2 * rng.standard_normal((256, 10)), rng.integers(10, size=256)
    table, index = softmax(rng.standard_normal((5000, 10))), rng.permutation(5000)[:256]
    (table32, logits32), index_t, labels_t = floats(table, logits), torch.from_numpy(index), torch.from_numpy(labels)
    lam, beta = 3.0, 0.7

    def loss(z):
        targets = method.update_targets(table32, index_t, z, beta)
        return method.elr_loss(z, labels_t, targets[index_t], lam)

    def plain():
        p = softmax(logits)
        clamped = p.clip(1e-4, 1 - 1e-4)
        t = beta * table[index] + (1 - beta) * clamped / clamped.sum(1, keepdims=True)
        rest = 1 - (clamped * t).sum(1, keepdims=True)
        value = -np.log(p[np.arange(256), labels]).mean() + lam * np.log(rest).mean()
        pull = -t / rest * (p == clamped)
        gradient = p - one_hot(labels, 10) + lam * p * (pull - (pull * p).sum(1, keepdims=True))
        return value, gradient / 256

    return with_gradient(loss, logits32), plain


@entry("compressing-features", "accuracy with the first 1 to 128 features, 1,000 pictures")
def nested_accuracy(method):
    rng = numbers()
    features, weight, labels = rng.random((1000, 128)), rng.standard_normal((128, 10)), rng.integers(10, size=1000)
    ours = *floats(features, weight), torch.from_numpy(labels)

    def plain():
        guesses = [(features[:, :k] @ weight[:k]).argmax(1) for k in range(1, 129)]
        return [(guess == labels).mean() for guess in guesses]

    return lambda: method.nested_accuracy_curve(*ours), plain


@entry("compressing-features", "one step of co-teaching: picks, losses and gradient of a batch of 256")
def co_teaching(method):
    rng = numbers()
    features, labels = [rng.random((256, 64)) for _ in range(2)], rng.integers(10, size=256)
    weights, k = [rng.standard_normal((64, 10)) / 8 for _ in range(2)], 39
    features32, weights32, labels_t = floats(*features), floats(*weights), torch.from_numpy(labels)

    def loss(stacked):
        logits = [f @ w for f, w in zip(stacked, weights32, strict=True)]
        picks = [method.select_small_loss(z, labels_t, 0.3) for z in logits]
        return sum(method.co_teaching_losses(*stacked, *weights32, labels_t, *picks, k))

    def plain():
        picks = [small_losses(softmax(f @ w), labels, 179) for f, w in zip(features, weights, strict=True)]
        value, gradient = 0.0, np.zeros((2, 256, 64))
        for i, picked in enumerate(picks[::-1]):
            p = softmax(features[i][picked, : k + 1] @ weights[i][: k + 1])
            value += -np.log(p[np.arange(179), labels[picked]]).mean()
            slope = (p - one_hot(labels[picked], 10)) / 179
            gradient[i][picked, : k + 1] = slope @ weights[i][: k + 1].T
        return value, gradient

    return with_gradient(loss, torch.stack(features32)), plain


def small_losses(probs: np.ndarray, labels: np.ndarray, count: int) -> np.ndarray:
    return np.argsort(-probs[np.arange(len(labels)), labels], kind="stable")[:count]


@entry(
    "rcal",
    "outlier factors of 800 points in 32 dimensions",
    "sklearn.neighbors.LocalOutlierFactor",
    slower="scikit-learn searches the neighbours for both, and ours turns its arrays into tensors besides",
)
def outlier_factors(method):
    from sklearn.neighbors import LocalOutlierFactor

    points = numbers().normal(size=(800, 32))
    ours = torch.from_numpy(points)
    return (
        lambda: method.local_outlier_factor(ours, 20),
        lambda: -LocalOutlierFactor(n_neighbors=20).fit(points).negative_outlier_factor_,
    )


@entry("erase", "one step: coding rates of 1,000 nodes in 7 groups and their gradient")
def coding_rates(method):
    rng = numbers()
    emb, labels, eps = rng.standard_normal((1000, 64)) / 8, rng.integers(7, size=1000), 0.5
    labels_t = torch.from_numpy(labels)

    def rate(z, scale):
        """1/2 logdet(I + scale Z^T Z), and its derivative scale Z (I + scale Z^T Z)^-1."""
        inside = np.eye(z.shape[1]) + scale * z.T @ z
        return np.linalg.slogdet(inside)[1] / 2, scale * np.linalg.solve(inside, z.T).T

    def plain():
        n, d = emb.shape
        whole, slope = rate(emb, d / (n * eps))
        value, gradient = -2 * whole, -2 * slope
        for k in range(7):
            group = labels == k
            part, slope = rate(emb[group], d / (group.sum() * eps))
            value += group.mean() * part
            gradient[group] += group.mean() * slope
        return value, gradient

    return with_gradient(lambda z: method.erase_loss(z, labels_t, 7, eps), floats(emb)[0]), plain


@entry("erase", "labels of 500 nodes flow 20 steps along the edges between labelled ones")
def denoised_labels(method):
    rng = numbers()
    adj = np.triu(rng.random((500, 500)) < 0.02, 1)
    adj, labels, known = (adj | adj.T).astype(float), rng.integers(5, size=500), rng.random(500) < 0.6
    ours = floats(adj)[0], torch.from_numpy(labels), torch.from_numpy(known)

    def plain():
        between = adj[np.ix_(known, known)]
        flow = between / np.maximum(between.sum(0), 1)
        flow = 0.4 * flow + 0.6 * np.eye(len(flow))
        soft = np.zeros((500, 5))
        soft[known] = np.linalg.matrix_power(flow, 20) @ one_hot(labels[known], 5)
        return soft

    return lambda: method.denoise_labels(*ours, 5, 0.6, 20), plain


@entry("capro", "a definition among 300 texts: distances by mutual neighbours")
def mutual_neighbours(method):
    rows = numbers().standard_normal((301, 16))
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    ours = torch.from_numpy(rows)

    def plain():
        distance = 2 - 2 * rows @ rows.T
        np.fill_diagonal(distance, 0)
        distance = (distance / distance.max(0)).T
        order = distance.argsort(1)

        def circle(i, k):
            return {j for j in order[i, : k + 1] if i in order[j, : k + 1]}

        wide, narrow = ([circle(i, k) for i in range(301)] for k in (20, 10))
        weights = np.zeros((301, 301))
        for i, near in enumerate(wide):
            invited = [narrow[j] for j in near if 3 * len(narrow[j] & near) > 2 * len(narrow[j])]
            members = list(near.union(*invited))
            weights[i, members] = np.exp(-distance[i, members])
            weights[i] /= weights[i].sum()
        weights = weights[order[:, :6]].mean(1)
        shared = np.minimum(weights[0], weights[1:]).sum(1)
        return 0.7 * (1 - shared / (2 - shared)) + 0.3 * distance[0, 1:]

    return lambda: method.k_reciprocal_distance(ours[:1], ours[1:]), plain


@entry("local-graph-clustering", "flow poured into 10 of 2,000 nodes", "scipy.optimize.minimize with L-BFGS-B")
def flow(method):
    from scipy.optimize import minimize

    adjacency, edges, weights = random_graph(2000, 12)
    source = np.zeros(2000)
    source[:10] = 40
    sink = np.ones(2000)
    degrees = adjacency.sum(1)

    def objective(x):
        flowing = degrees * x - adjacency @ x
        return x @ flowing / 2 + x @ (sink - source), flowing + sink - source

    def library():
        precise = {"ftol": 1e-15, "gtol": 1e-8, "maxiter": 10_000, "maxfun": 20_000}
        return minimize(objective, np.zeros(2000), jac=True, bounds=[(0, None)] * 2000, options=precise).x

    ours = edges, weights, torch.from_numpy(source), torch.from_numpy(sink)
    return lambda: method.flow_diffusion(*ours), library


@entry("local-graph-clustering", "conductance of 300 among 2,000 nodes", "networkx.conductance")
def conductance(method):
    import networkx

    adjacency, edges, weights = random_graph(2000, 12)
    graph, inside = networkx.from_scipy_sparse_array(adjacency), torch.arange(2000) < 300
    return (
        lambda: method.conductance(edges, weights, inside),
        lambda: networkx.conductance(graph, range(300), weight="weight"),
    )


def random_graph(n: int, degree: int):
    """Weights between n nodes: a symmetric sparse matrix, its links [2,E] in both directions, and their weights [E]."""
    from scipy.sparse import random_array

    half = random_array((n, n), density=degree / n / 2, rng=numbers(), format="coo")
    whole = (half + half.T).tocoo()
    whole.setdiag(0)
    whole.eliminate_zeros()
    return whole.tocsr(), torch.from_numpy(np.stack(whole.coords).astype(np.int64)), torch.from_numpy(whole.data)


@entry(
    "llm-label-errors",
    "bound the share of wrong labels among 2,500 from 0, 1, ... 30 errors in 160",
    "scipy.stats.hypergeom for every share",
)
def bounded_share(method):
    from scipy.stats import hypergeom

    def library():
        every, found = np.arange(2501), []
        for errors in range(31):
            likely = hypergeom.sf(errors - 1, 2500, every, 160) > 0.025
            found.append(np.flatnonzero(likely & (every >= errors))[0] / 2500)
        return found

    return lambda: [method.error_rate_lower_bound(errors, 160, 2500) for errors in range(31)], library


@entry("nat-layout", "weak labels, confidence, loss and gradient of 768 words, 3 sources, 9 labels")
def trusted_words(method):
    rng = numbers()
    probs = softmax(2 * rng.standard_normal((3 * 768, 9))).reshape(3, 768, 9)
    logits, human = 2 * rng.standard_normal((768, 9)), rng.random(768) < 0.5
    probs32, logits32 = floats(probs, logits)
    people = torch.from_numpy(human)

    def chapter(z):
        labels, confidence = method.weak_label_confidence(probs32)
        return method.noise_aware_loss(z, labels, confidence, people)

    def plain():
        mean = probs.mean(0)
        confidence = 1 + (mean * np.log(mean)).sum(1) / np.log(9)
        truth, p = one_hot(mean.argmax(1), 9), softmax(logits)
        weight = np.where(human, 1, confidence)
        weight /= weight.sum()
        return -(weight[:, None] * truth * np.log(p)).sum(), weight[:, None] * (p - truth)

    return with_gradient(chapter, logits32), plain


@entry("nbpo-sampler", "one step: four tables of factors after 2,000 votes with 4 negatives each")
def votes_step(method):
    rng = numbers()
    U, P, V, Q = (rng.standard_normal((n, 8)) / 2 for n in (300, 300, 400, 400))
    users, voted, others = rng.integers(300, size=2000), rng.integers(400, size=2000), rng.integers(400, size=(2000, 4))
    ours = *(torch.from_numpy(x) for x in (U, V, P, Q, users, voted, others)), 0.02, 0.1, 0.2

    def moved(table, change, decay):
        return table + 0.02 * (change - decay * table)

    def plain():
        changes = [np.zeros_like(table) for table in (U, V, P, Q)]
        for other in others.T:
            r, g = (U[users] * V[voted]).sum(1), (P[users] * Q[voted]).sum(1)
            without_r, without_g = (U[users] * V[other]).sum(1), (P[users] * Q[other]).sum(1)
            push = sigmoid(-g) * sigmoid(-r), -sigmoid(g) * sigmoid(r)
            pull = (
                sigmoid(without_g) * sigmoid(-without_r) - sigmoid(without_r),
                sigmoid(-without_g) * sigmoid(without_r),
            )
            for i, (left, right) in enumerate(((U, V), (P, Q))):
                for force, items in ((push[i], voted), (pull[i], other)):
                    np.add.at(changes[2 * i], users, force[:, None] * right[items])
                    np.add.at(changes[2 * i + 1], items, force[:, None] * left[users])
        return [moved(*row) for row in zip((U, V, P, Q), changes, (0.1, 0.1, 0.2, 0.2), strict=True)]

    return lambda: method.nbpo_step(*ours), plain


# ------------------------------------------------------------------------------------------------------- few labels


@entry("uda", "one step: consistency and annealed loss of 512 pictures and their gradient")
def uda_step(method):
    rng = numbers()
    original, copy, supervised = 3 * rng.standard_normal((3, 512, 10))
    labels, threshold = rng.integers(10, size=512), method.tsa_threshold(300, 1000, 10, "linear")
    original32, *trained32 = floats(original, copy, supervised)
    labels_t, rows = torch.from_numpy(labels), np.arange(512)

    def loss(z):
        consistency = method.uda_consistency_loss(original32, z[0], temperature=0.4, confidence=0.8)
        return consistency + method.tsa_supervised_loss(z[1], labels_t, threshold)

    def plain():
        target, sure = softmax(original / 0.4), softmax(original).max(1) > 0.8
        p, q = softmax(copy), softmax(supervised)
        divergence = (target * np.log(target / p)).sum(1)
        counts = q[rows, labels] <= 0.3 * 0.9 + 0.1
        supervised_loss = -np.log(q[rows, labels])[counts].sum() / counts.sum()
        gradient = np.stack([(p - target) * sure[:, None] / 512, (q - one_hot(labels, 10)) * counts[:, None]])
        gradient[1] /= counts.sum()
        return (divergence * sure).mean() + supervised_loss, gradient

    return with_gradient(loss, torch.stack(trained32)), plain


@entry("simclrv2", "one step: contrastive loss of 128 pairs and its gradient")
def contrast_step(method):
    z = numbers().standard_normal((256, 64))
    (ours,) = floats(z)
    partner = np.roll(np.arange(256), 128)

    def plain():
        length = np.linalg.norm(z, axis=1, keepdims=True)
        unit = z / length
        logits = unit @ unit.T / 0.5
        np.fill_diagonal(logits, -np.inf)
        p = softmax(logits)
        slope = (p - np.eye(256)[partner]) / (256 * 0.5)
        slope = (slope + slope.T) @ unit
        slope -= (slope * unit).sum(1, keepdims=True) * unit
        return -np.log(p[np.arange(256), partner]).mean(), slope / length

    return with_gradient(lambda x: method.nt_xent_loss(*x.chunk(2), 0.5), ours), plain


@entry("shrinkmatch", "shrunk class spaces, loss and gradient of 448 images, 10 classes")
def shrinking(method):
    rng = numbers()
    probs, logits = softmax(2 * rng.standard_normal((448, 10))), 2 * rng.standard_normal((448, 10))
    probs32, logits32 = floats(probs, logits)
    threshold, m = 0.95, len(probs)

    def plain():
        loss, slopes = 0.0, np.zeros_like(logits)
        for p, z, slope in zip(probs, logits, slopes, strict=True):
            if p.max() >= threshold:
                continue
            order = np.argsort(-p, kind="stable")
            for first in range(2, len(p)):
                if p[order[0]] / (p[order[0]] + p[order[first:]].sum()) >= threshold:
                    stays = np.r_[order[0], order[first:]]
                    inside = np.exp(z[stays] - z[stays].max())
                    inside /= inside.sum()
                    loss -= p.max() * np.log(inside[0]) / m
                    slope[stays] = p.max() * (inside - np.eye(len(stays))[0]) / m
                    break
        return loss, slopes

    return with_gradient(lambda z: method.shrink_loss(probs32, z, threshold), logits32), plain


@entry("fedlabel", "both losses on 4096 unlabelled images, 10 classes")
def selection(method):
    rng = numbers()
    local, other = (softmax(3 * rng.standard_normal((4096, 10))) for _ in range(2))
    other[:2000] = 0.3 * other[:2000] + 0.7 * local[:2000]  # experts that mostly agree
    logits = rng.standard_normal((4096, 10))
    ours = [torch.from_numpy(array) for array in (logits, local, other)]

    def plain():
        h = np.stack([local.var(1), other.var(1)])
        first = h[0] >= h[1]
        chosen, rest = np.where(first[:, None], local, other), np.where(first[:, None], other, local)
        log_q = np.log(softmax(logits))
        label, kept = chosen.argmax(1), chosen.max(1) >= 0.9
        agree = kept & (rest.argmax(1) == label)
        kl = (rest * (np.log(rest) - log_q)).sum(1) * h.min(0) / h.max(0)
        return -(kept * log_q[np.arange(4096), label]).mean(), (agree * kl).mean()

    return lambda: method.fedlabel_unsup_loss(*ours, 0.9), plain


@entry("clip-pseudolabels", "weighted loss of 64 labelled and 512 pseudo-labelled pictures, with its gradient")
def labelled_and_guessed(method):
    rng = numbers()
    vectors, classes = rng.standard_normal((576, 128)), rng.standard_normal((10, 128))
    labels, gamma, lam = rng.integers(10, size=576), 8.0, 1.0
    pictures, names = floats(vectors, classes)
    given, guessed = torch.from_numpy(labels).split([64, 512])

    def loss(class_vectors):
        known, pool = method.clip_logits(pictures, class_vectors, 15.0).split([64, 512])
        return method.unified_loss(known, given, pool, guessed, gamma, lam)

    def plain():
        v = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        lengths = np.linalg.norm(classes, axis=1, keepdims=True)
        t = classes / lengths
        probs = softmax(15 * v @ t.T)
        weights = np.repeat([gamma / 64, lam / 512], [64, 512])
        value = -weights @ np.log(probs[np.arange(576), labels])
        slope = 15 * (weights[:, None] * (probs - one_hot(labels, 10))).T @ v
        return value, (slope - (slope * t).sum(1, keepdims=True) * t) / lengths

    return with_gradient(loss, names), plain


@entry(
    "llp-belief-propagation", "100 iterations of belief propagation, 1,024 instances in bags of 16, 3,000 similar pairs"
)
def propagation(method):
    rng = numbers()
    n, size = 1024, 16
    bag, counts = np.arange(n) // size, rng.integers(0, size, n // size).astype(float)
    ends = np.unique(np.sort(rng.integers(0, n, (3000, 2)), 1), axis=0)
    ends = ends[ends[:, 0] < ends[:, 1]]
    similar = rng.random(len(ends))
    lam_bag, lam_sim = 0.1, 0.4
    ours = torch.from_numpy(bag), *floats(counts), torch.from_numpy(ends), *floats(similar)

    def plain():
        """Messages in a full matrix: row i sends, column j receives."""
        theta = np.where(bag[:, None] == bag, -2 * lam_bag, 0.0)
        np.fill_diagonal(theta, 0)
        weights = np.zeros((n, n))
        weights[ends[:, 0], ends[:, 1]] = similar
        weights += weights.T
        linked = (theta != 0) | (weights != 0)
        theta += 2 * lam_sim * weights
        alone = lam_bag * (2 * counts[bag] - 1) - lam_sim * weights.sum(1)
        sender, receiver = np.nonzero(linked)
        message = np.where(linked, theta / 2, 0)
        for _ in range(100):
            rest = (alone + message.sum(0))[sender] - message[receiver, sender]
            new = np.logaddexp(0, rest + theta[sender, receiver]) - np.logaddexp(0, rest)
            message[sender, receiver] = (message[sender, receiver] + new) / 2
        return sigmoid(alone + message.sum(0))

    return lambda: method.bp_marginals(*method.llp_potentials(*ours, lam_bag, lam_sim)), plain


@entry("scalable-elicitation", "AUROC of 800 scores", "sklearn.metrics.roc_auc_score")
def auroc(method):
    from sklearn.metrics import roc_auc_score

    rng = numbers()
    labels = rng.integers(2, size=800)
    scores = np.round(rng.standard_normal(800) + labels, 2)  # some are equal
    ours = floats(scores)[0], torch.from_numpy(labels)
    return lambda: method.auroc(*ours), lambda: roc_auc_score(labels, scores)


@entry("scalable-elicitation", "one step: confidence loss and gradient of a batch of 512")
def confidence_step(method):
    rng = numbers()
    logits, labels = rng.standard_normal((512, 2)), rng.random(512)
    (labels32, logits32), share = floats(labels, logits), 0.5 * 100 / 200

    def plain():
        p = softmax(logits)
        own = p[:, 0] < np.quantile(p[:, 0], labels.mean())
        mixed = (1 - share) * labels + share * own
        target = np.stack([1 - mixed, mixed], 1)
        return -(target * np.log(p)).sum(1).mean(), (p - target) / 512

    return with_gradient(lambda z: method.log_confidence_loss(z, labels32, step=100), logits32), plain


@entry(
    "design-based-supervised-learning",
    "20 logistic regressions on 1,000 guesses, of which 100 are checked, and their covariances",
    "scipy.optimize.root",
)
def checked_regressions(method):
    from scipy.optimize import root

    rng = numbers()
    X = np.concatenate([np.ones((20, 1000, 1)), rng.standard_normal((20, 1000, 3))], 2)
    prob = np.where(X[..., 1] > 0, 0.15, 0.05)
    truth, read = rng.random((20, 1000)) < sigmoid(X @ (0.2, 1.0, -0.5, 0.0)), rng.random((20, 1000)) < prob
    guess = np.where(rng.random((20, 1000)) < 0.8, truth, 0.5)
    ours = [torch.from_numpy(x) for x in (X, truth.astype(float), guess, read, prob)]

    def one(X, truth, guess, read, prob):
        outcome = guess + read / prob * (truth - guess)
        beta = root(lambda beta: X.T @ (outcome - sigmoid(X @ beta)) / 1000, np.zeros(4)).x
        mean = sigmoid(X @ beta)
        moments = X * (outcome - mean)[:, None]
        inverse = np.linalg.inv(X.T @ (X * (mean * (1 - mean))[:, None]))
        return beta, inverse @ (moments.T @ moments) @ inverse

    def library():
        return tuple(map(np.stack, zip(*map(one, X, truth, guess, read, prob), strict=True)))

    return lambda: method.dsl_estimate(*ours, model="logistic"), library


# --------------------------------------------------------------------------------------- many labels, rare labels


@entry("pu-mlc", "one step: PU loss and mixup term of 256 pictures with 20 classes and their gradient")
def pu_step(method):
    rng = numbers()
    logits, mixed = rng.standard_normal((256, 20)), rng.standard_normal((128, 20))
    positives, perm, lam = (rng.random((256, 20)) < 0.1).astype(float), rng.permutation(128), 0.3
    (positives32, mixed32, logits32), perm_t = floats(positives, mixed, logits), torch.from_numpy(perm)

    def loss(z):
        consistency = method.mixup_consistency(z.detach(), positives32, mixed32, perm_t, lam)
        return method.pu_loss(z, positives32, 5.0, 0.4) + consistency

    def plain():
        temperature = np.minimum(5.0 * logits.std(0), 1)
        p = sigmoid(logits / temperature)
        mean, count, slope = p.mean(0), np.maximum(positives.sum(0), 1), p * (1 - p) / temperature
        value = (mean**0.4 * np.log(mean) - (positives * np.log(p)).sum(0) / count).sum()
        gradient = slope * (mean**0.4 / mean / 256 - positives / p / count)
        target = np.where(positives == 1, 1, sigmoid(logits))
        wanted = lam * target[:128][perm] + (1 - lam) * target[128:]
        return value + ((np.log(wanted) - np.log(sigmoid(mixed))) ** 2).mean(0).sum(), gradient

    return with_gradient(loss, logits32), plain


# ------------------------------------------------------------------------------------------ mixed and smoothed labels


@entry("c-mixup", "who is mixed with whom among 1,000 examples", "scipy.spatial.distance.cdist, scipy.special.softmax")
def partners(method):
    from scipy.spatial.distance import cdist
    from scipy.special import softmax as rows_to_one

    labels, bandwidth = numbers().random((1000, 1)), 0.3
    (ours,) = floats(labels)

    def library():
        return rows_to_one(-cdist(labels, labels, "sqeuclidean") / (2 * bandwidth**2), axis=1)

    return lambda: method.pair_probabilities(ours, bandwidth), library


@entry("c-mixup", "one step: mixed loss of a linear model and its gradient, 1,000 examples")
def mixed_step(method):
    rng = numbers()
    x, other, weight = rng.standard_normal((1000, 20)), rng.standard_normal((1000, 20)), rng.standard_normal((20, 1))
    y, target, lam = rng.standard_normal((1000, 1)), rng.standard_normal((1000, 1)), 0.3
    x32, y32, other32, target32, weight32 = floats(x, y, other, target, weight)

    def loss(w):
        return method.mixed_loss(lambda v: v @ w, lambda v: v, x32, y32, other32, target32, lam)

    def plain():
        blend = lam * x + (1 - lam) * other
        gap = blend @ weight - lam * y - (1 - lam) * target
        return (gap**2).mean(), 2 * blend.T @ gap / 1000

    return with_gradient(loss, weight32), plain


@entry(
    "histn",
    "Chebyshev basis of 5 hops on a graph of 64 electrodes",
    "scipy.sparse.csgraph.laplacian, numpy.polynomial.chebyshev.chebvander",
)
def chebyshev(method):
    from numpy.polynomial.chebyshev import chebvander
    from scipy.sparse.csgraph import laplacian

    weights = np.triu(numbers().random((64, 64)), 1)
    weights = weights + weights.T

    def library():
        values, vectors = np.linalg.eigh(laplacian(weights))
        spectrum = chebvander(2 * values / values[-1] - 1, 5)  # T_k of each eigenvalue
        return np.einsum("in,nk,jn->kij", vectors, spectrum, vectors)

    ours = torch.from_numpy(weights)
    return lambda: method.chebyshev_basis(ours, 5), library


@entry(
    "forests-as-smoothers",
    "weights and predictions of 100 trees, 500 samples, 200 queries",
    "scipy.sparse, RandomForestRegressor.predict of scikit-learn",
)
def forest(method):
    from scipy.sparse import csr_array
    from sklearn.ensemble import RandomForestRegressor

    rng = numbers()
    inputs, queries = rng.random((500, 5)), rng.random((200, 5))
    targets = method.marsadd(inputs, rng.standard_normal(500))
    grown = RandomForestRegressor(100, min_samples_leaf=5, random_state=0).fit(inputs, targets)
    train, asked, counts = grown.apply(inputs), grown.apply(queries), method.sample_counts(grown, 500)

    def ours():
        weights = method.forest_smoother_weights(train, asked, counts)
        return weights, weights @ targets

    def leaves_of(leaves, values, nodes):
        """[samples, nodes], with `values` where a sample lies in that node."""
        return csr_array((values, (np.arange(len(leaves)), leaves)), (len(leaves), nodes))

    def library():
        total = 0
        for leaves, place, drawn in zip(train.T, asked.T, counts.T, strict=True):
            nodes, size = leaves.max() + 1, np.bincount(leaves, drawn)
            total = total + leaves_of(place, 1 / size[place], nodes) @ leaves_of(leaves, drawn, nodes).T
        return total.toarray() / 100, grown.predict(queries)

    return ours, library


# ---------------------------------------------------------------------------------------------- labels from a teacher


@entry("meal-v2", "one step: the terms of the loss and the gradient of 512 pictures, two teachers")
def meal_step(method):
    rng = numbers()
    teachers, student = 2 * rng.standard_normal((2, 512, 10)), rng.standard_normal((512, 10))
    layers = [rng.standard_normal(size) / 2 for size in ((5, 10), (4, 5), (2, 4))]
    biases = [rng.random(size) for size in (5, 4, 2)]
    discriminator = method.OutputDiscriminator(10, 5, 4)
    for layer, weight, bias in zip(discriminator.layers, floats(*layers), floats(*biases), strict=True):
        layer.weight.data, layer.bias.data = weight, bias
    teachers32, student32 = floats(teachers, student)

    def loss(z):
        return sum(method.meal_losses(z, *method.ensemble_soft_labels(teachers32), discriminator).values())

    def speak(x, speaker):
        """The discriminator's cross-entropy, and its derivative with respect to x."""
        passed = [x]
        for weight, bias in zip(layers, biases, strict=True):
            passed.append(np.maximum(passed[-1] @ weight.T + bias, 0))
        targets = np.eye(2)[speaker]
        value = (np.log1p(np.exp(passed[-1])) - targets * passed[-1]).mean()
        slope = (sigmoid(passed[-1]) - targets) / passed[-1].size
        for weight, out in zip(layers[::-1], passed[:0:-1], strict=True):
            slope = slope * (out > 0) @ weight
        return value, slope

    def plain():
        soft, p = (softmax(teachers[0]) + softmax(teachers[1])) / 2, softmax(student)
        (as_student, slope), (as_teacher, _) = speak(student, 0), speak(teachers.mean(0), 1)
        value = -(soft * np.log(p)).sum(1).mean() + (as_student + as_teacher) / 2
        return value, (p - soft) / 512 + slope / 2

    return with_gradient(loss, student32), plain


# ---------------------------------------------------------------------------------------------- a label for every pixel


@entry(
    "nacl",
    "class shares around each pixel, 16 masks of 96 x 96",
    "scipy.ndimage.uniform_filter",
)
def neighbours(method):
    from scipy.ndimage import uniform_filter

    labels = numbers().integers(4, size=(16, 96, 96))
    ours = torch.from_numpy(labels)

    def library():
        whole = one_hot(labels, 4)
        shares = [uniform_filter(whole[..., k], (0, 3, 3), mode="constant", cval=k == 0) for k in range(4)]
        return np.stack(shares, 1)

    return lambda: method.neighbor_proportions(ours, 4), library


@entry("nacl", "one step: loss and gradient of 4 pictures of 48 x 48")
def nacl_step(method):
    rng = numbers()
    logits, labels = 3 * rng.standard_normal((4, 6, 48, 48)), rng.integers(6, size=(4, 48, 48))
    labels_t = torch.from_numpy(labels)

    def plain():
        p, given = softmax(logits), np.moveaxis(one_hot(labels, 6), -1, 1)
        around = np.zeros((4, 6, 50, 50))
        around[:, 0] = 1
        around[..., 1:-1, 1:-1] = given
        tau = sum(around[..., i : i + 48, j : j + 48] for i in range(3) for j in range(3)) / 9
        value = -(given * np.log(p)).sum(1).mean() + 0.1 * np.abs(tau - logits).mean()
        return value, (p - given) / labels.size - 0.1 * np.sign(tau - logits) / logits.size

    return with_gradient(lambda z: method.nacl_loss(z, labels_t)[0], floats(logits)[0]), plain


@entry(
    "bcp",
    "largest pieces of 3 classes in 8 masks of 96 x 96",
    "scipy.ndimage.label",
)
def pieces(method):
    from scipy import ndimage

    rough = ndimage.gaussian_filter(numbers().standard_normal((8, 96, 96)), (0, 2, 2))
    labels = np.digitize(rough, np.quantile(rough, (0.4, 0.6, 0.8)))
    ours = torch.from_numpy(labels)

    def library():
        kept = np.zeros_like(labels)
        for number, image in enumerate(labels):
            for k in range(1, 4):
                found, _ = ndimage.label(image == k, np.ones((3, 3)))
                kept[number][found == 1 + np.bincount(found.ravel())[1:].argmax()] = k
        return kept

    return lambda: method.largest_components(ours, 4), library


@entry("bcp", "one step: loss of 4 composites of 48 x 48 and its gradient")
def composite_step(method):
    rng = numbers()
    logits, frame, patch = rng.standard_normal((4, 3, 48, 48)), *rng.integers(3, size=(2, 4, 48, 48))
    mask = method.copy_paste_mask(48, 48, 5, 9)
    frame_t, patch_t, every = torch.from_numpy(frame), torch.from_numpy(patch), mask.expand(4, 48, 48)

    def part(p, labels, where):
        """Dice loss plus cross-entropy in the pixels `where`, and the derivative with respect to the logits."""
        y = np.moveaxis(one_hot(labels, 3), -1, 1) * where
        pooled = (0, 2, 3)
        overlap, total = (p * y).sum(pooled), (p**2 * where).sum(pooled) + y.sum(pooled)
        per_class = [v[None, :, None, None] for v in (overlap, total)]
        slope = -2 * (y * per_class[1] - per_class[0] * 2 * p * where) / per_class[1] ** 2 / 3
        gradient = p * (slope - (slope * p).sum(1, keepdims=True))
        count = 4 * where.sum()
        return (1 - 2 * overlap / total).mean() - (y * np.log(p)).sum() / count, gradient + (p * where - y) / count

    def plain():
        p, outside = softmax(logits), mask.numpy()
        (first, slope), (second, other) = part(p, frame, outside), part(p, patch, 1 - outside)
        return 0.5 * first + second, 0.5 * slope + other

    def loss(z):
        return sum(method.mix_loss(z, frame_t, patch_t, every, 0.5, 1.0))

    return with_gradient(loss, floats(logits)[0]), plain


# ------------------------------------------------------------------------------------------------ boxes, captions, text


@entry(
    "soft-teacher",
    "overlaps of 576 anchors with 6 boxes in each of 16 pictures, and the deltas to the best",
    "torchvision.ops.box_iou, torchvision's BoxCoder",
)
def matches(method):
    from torchvision.models.detection._utils import BoxCoder
    from torchvision.ops import box_iou

    anchors, boxes = random_boxes(576), random_boxes(16 * 6).view(16, 6, 4)
    coder = BoxCoder((10.0, 10.0, 5.0, 5.0))

    def ours():
        overlap = method.pairwise_iou(anchors, boxes)
        best = method.pick(boxes, overlap.argmax(2))
        return overlap, method.encode(anchors, best)

    def library():
        overlaps = [box_iou(anchors, b) for b in boxes]
        best = [b[overlap.argmax(1)] for b, overlap in zip(boxes, overlaps, strict=True)]
        return overlaps, [coder.encode_single(b, anchors) for b in best]

    return ours, library


def random_boxes(n: int) -> torch.Tensor:
    rng = numbers()
    corner = 40 * rng.random((n, 2))
    return torch.from_numpy(np.concatenate([corner, corner + 4 + 20 * rng.random((n, 2))], 1))


@entry("soft-teacher", "one step: weighted classification loss of 1,000 proposals and its gradient")
def background_step(method):
    rng = numbers()
    logits, labels, belief = rng.standard_normal((1000, 6)), rng.integers(6, size=1000), rng.random(1000)
    (belief32, logits32), labels_t = floats(belief, logits), torch.from_numpy(labels)

    def plain():
        p, weight = softmax(logits), np.where(labels == 5, belief, 1)
        value = -(weight * np.log(p[np.arange(1000), labels])).sum() / weight.sum()
        return value, (p - one_hot(labels, 6)) * weight[:, None] / weight.sum()

    return with_gradient(lambda z: method.soft_teacher_cls_loss(z, labels_t, belief32), logits32), plain


# ---------------------------------------------------------------------------------------------------- labels that hold


@entry(
    "dual-randomized-smoothing",
    "certified radii of 200 pictures from votes of 10 classes",
    "scipy.stats.binomtest, scipy.stats.norm",
)
def radii(method):
    from scipy.stats import binomtest, norm

    votes = numbers().multinomial(1000, np.array([0.82] + [0.02] * 9), size=(200, 4))
    ours = torch.from_numpy(votes)

    def certify(few_left, few_right, left, right):
        top = int((few_left + few_right).argmax())
        tests = [binomtest(int(c[top]), int(c.sum()), alternative="greater") for c in (left, right)]
        low = [test.proportion_ci(confidence_level=1 - 0.001 / 2, method="exact").low for test in tests]
        radius = 0.25 * norm.ppf(low).sum() / 2**0.5
        return (top, radius) if radius > 0 else (-1, 0.0)

    return lambda: [method.dual_certify(*v, 0.25, 0.001) for v in ours], lambda: [certify(*v) for v in votes]


# -------------------------------------------------------------------------------------------------- labels as controls


@entry(
    "smooth-diffusion", "variation of 8 small pictures along random directions", "torch.autograd.functional.jacobian"
)
def variation(method):
    rng = numbers()
    eps, direction = torch.from_numpy(rng.standard_normal((2, 8, 1, 6, 6)))
    alpha_bar, weight = torch.from_numpy(rng.random(8)), torch.from_numpy(rng.standard_normal((36, 36)) / 6)

    def picture(noise):
        return torch.tanh(noise.flatten(-2) @ weight).view_as(noise)

    def ours():
        leaf = eps.clone().requires_grad_()
        return method.latent_variation(picture(leaf), leaf, direction, alpha_bar).detach()

    def library():
        found = []
        for noise, w, level in zip(eps, direction, alpha_bar, strict=True):
            jacobian = torch.autograd.functional.jacobian(picture, noise).reshape(36, 36)
            found.append((jacobian.T @ w.flatten() / 6).norm() * (1 - level).sqrt())
        return found

    return ours, library


@entry("smooth-diffusion", "arcs of 50 points between 64 pairs of directions", "scipy.spatial.geometric_slerp")
def arcs(method):
    from scipy.spatial import geometric_slerp

    ends = numbers().standard_normal((2, 64, 48))
    ends /= np.linalg.norm(ends, axis=2, keepdims=True)
    steps = np.linspace(0, 1, 50)
    ours = torch.from_numpy(ends)

    def library():
        return np.stack([geometric_slerp(a, b, steps) for a, b in zip(*ends, strict=True)], 1)

    return lambda: method.slerp(*ours, torch.from_numpy(steps)), library
