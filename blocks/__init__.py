"""Composable blocks of vision transformers and their CNN counterparts: plain `nn.Module`s, one idea a file.

Nothing here knows a spec, a study or a scale; every block takes explicit arguments and uses torch and timm only.
Letters in shapes: B batch, N tokens, C channels, H x W the token grid or the picture.
"""
