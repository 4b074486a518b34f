"""False verdicts, power and seeds of the group-sequential design beside AdaStop's, on the same numbers.

AdaStop (Mathieu et al., arXiv 2306.10882) compares two algorithms by permutation tests of independent scores
after every few seeds; the design of `orch` makes paired t tests. Both look after 4, 8, 12, 16 and 20 seeds.
AdaStop 0.1.3 compares an absolute difference with the quantile of signed ones, which for two algorithms spends
twice its `alpha`; it gets half of 5 % here.
Prints the table of docs/statistics.md.

    pip install adastop==0.1.3 scipy
    python scripts/compare-adastop.py 500
"""

import contextlib
import io
import logging
import sys

import numpy
from adastop import MultipleAgentsComparator
from scipy import stats

LOOKS = [4, 8, 12, 16, 20]
ALPHA = 0.05


def least_p(differences):
    """The least p-value over the looks of each row of differences."""
    p = [stats.ttest_1samp(differences[:, :n], 0.0, axis=1).pvalue for n in LOOKS]
    return numpy.min(p, axis=0)


def nominal_level(generator):
    least = least_p(generator.standard_normal((400_000, LOOKS[-1])))
    return numpy.quantile(least, ALPHA)


def of_design(ours, theirs, level):
    """True and the number of seeds if the difference is found, False and the last look otherwise."""
    for n in LOOKS:
        if stats.ttest_rel(ours[:n], theirs[:n]).pvalue <= level:
            return True, n
    return False, LOOKS[-1]


def of_adastop(ours, theirs, seed):
    comparator = MultipleAgentsComparator(n=4, K=5, B=2_000, alpha=ALPHA / 2, seed=seed)
    for n in LOOKS:
        scores = {"ours": ours[:n], "theirs": theirs[:n]}
        with contextlib.redirect_stdout(io.StringIO()):
            comparator.partial_compare(scores, verbose=False)
        decision = set(comparator.decisions.values())
        if decision & {"larger", "smaller"}:
            return True, n
        if comparator.is_finished:
            return False, n
    return False, LOOKS[-1]


def main():
    logging.disable(logging.CRITICAL)
    experiments = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    generator = numpy.random.default_rng(1)
    level = nominal_level(generator)
    print(f"nominal level {level:.4f}, {experiments} experiments a row\n")
    print("| effect | shared by seed | group-sequential | seeds | AdaStop | seeds |")
    print("|---|---|---|---|---|---|")
    for effect, shared in [(0.0, 0.0), (0.0, 0.9), (1.0, 0.0), (1.0, 0.9), (2.0, 0.0)]:
        found = numpy.zeros((2, 2))
        for seed in range(experiments):
            # Each seed's own luck, a share of which both rows have in common.
            common = generator.standard_normal(LOOKS[-1]) * shared**0.5
            rows = [common + generator.standard_normal(LOOKS[-1]) * (1 - shared) ** 0.5 for _ in range(2)]
            ours, theirs = rows[0] + effect, rows[1]
            found[0] += of_design(ours, theirs, level)
            found[1] += of_adastop(ours, theirs, seed)
        shares = found[:, 0] / experiments * 100
        seeds = found[:, 1] / experiments
        print(
            f"| {effect:g} | {shared * 100:.0f} % | {shares[0]:.1f} % | {seeds[0]:.1f} "
            f"| {shares[1]:.1f} % | {seeds[1]:.1f} |"
        )


if __name__ == "__main__":
    main()
