"""From result frames to tables and figures: pandas in, text and pictures out.

No torch, no Ray, no study here. The frames' columns, their labels and units are in `columns`; the paper's numbers
are in `paper/` and are read by `published` alone.
"""
