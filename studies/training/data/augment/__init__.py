"""Augmentation in batches, on the device where the pictures lie.

A stage is a function of a batch of pictures and of a few uniform random numbers for each. The numbers are drawn on the
CPU for a whole global batch (see `chain`), so that a picture comes out the same however the batch is cut into parts; on
another kind of device it differs by rounding at most. Colours are changed on bytes exactly as Pillow changes them, and
the rest agrees with timm and torchvision as far as each file says.
"""
