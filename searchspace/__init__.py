"""From a declarative spec to a model, its cost and the space around it.

`spec`, `presets`, `expand` and `shrink` import no torch; `build` and `cost` do.
"""
