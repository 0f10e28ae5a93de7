"""Properties are tried with the same examples for every mutant, and one that fails is enough: nobody reads the smallest."""

from hypothesis import Phase, settings

settings.register_profile(
    "mutation", derandomize=True, database=None, deadline=None, phases=(Phase.explicit, Phase.generate)
)
settings.load_profile("mutation")
