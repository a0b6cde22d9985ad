"""Three contrastive learners that really train: memory bank, MoCo and SimCLR.

Knows nothing of web, rooms or wires; usable alone in a notebook. Start at `trainers.config`
(what a run is made of), then `trainers.trainer` (the loop) and one of `memory_bank`, `moco`,
`simclr`, each readable beside its paper's algorithm.
"""
