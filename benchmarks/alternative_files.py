"""What a user writes to train four small ViTs on a folder of pictures, with timm's script and with this project."""

from pathlib import Path

LOOP = r"""#!/bin/sh
# Four small ViTs with timm's training script, so many at a time with so many data workers each:  sh loop.sh 2 1
set -e
export OMP_NUM_THREADS=1
xargs -P "$1" -L 1 python train.py --workers "$2" --device cpu --output output \
    --data-dir digits --num-classes 10 --input-size 3 16 16 --crop-pct 1 --no-aug \
    --mean 0.485 0.456 0.406 --std 0.229 0.224 0.225 \
    --epochs 4 --batch-size 32 --opt adamw --opt-betas 0.9 0.98 --weight-decay 0.05 --clip-grad 1 \
    --lr 2e-3 --warmup-epochs 1 --warmup-lr 1e-5 --sched-on-updates \
    --model vit_small_patch16_224 --model-kwargs img_size=16 patch_size=4 qkv_bias=False mlp_ratio=3 <<ARMS
embed_dim=96 depth=2 num_heads=4 --experiment ViT-S
embed_dim=48 depth=4 num_heads=3 --experiment ViT-DN
embed_dim=128 depth=1 num_heads=4 mlp_ratio=3.5 --experiment ViT-SW
embed_dim=96 depth=2 num_heads=16 --experiment ViT-ResNeXt
ARMS
tail -n 1 output/*/summary.csv
"""

STUDY = """study: own
question: Is ViT-S better deeper and narrower, shallower and wider, or with more heads?
base: vit_s_16
scale: folder.yaml
seeds: 1
arms:
  ViT-S: {}
  ViT-DN: {backbone.embed_dim: 384, backbone.depth: 16, backbone.num_heads: 6}
  ViT-SW: {backbone.embed_dim: 1024, backbone.depth: 4, backbone.mlp_ratio: 3.5}
  ViT-ResNeXt: {backbone.num_heads: 32}
"""

FOLDER = "{kind: folder, name: digits, test_split: validation, crop_pct: 1.0, img_size: 16, num_classes: 10,"
SCALE = f"""scale: folder
description: handwritten digits of 16 x 16 pixels, from a folder
shrink: {{width: 8, depth: 4, heads: 2, patch_size: 4}}
data: {FOLDER}
       train_size: 4096, test_size: 2048}}
recipe:
  epochs: 4
  batch_size: 32
  betas: [0.9, 0.98]
  lr: 2.0e-3
  warmup_fraction: 0.25
  warmup_lr: 1.0e-5
  warmup_prefix: false
"""
MEMORY = SCALE.replace(FOLDER, "{kind: digits, img_size: 16,").replace("from a folder", "in memory")

FILES = {"loop.sh": LOOP, "own.yaml": STUDY, "folder.yaml": SCALE}
COMMANDS = {
    "timm's script": ("sh loop.sh 2 1", ["loop.sh"]),
    "this project": ("studies run own.yaml --data .", ["own.yaml", "folder.yaml"]),
}


def lines(names: list[str]) -> tuple[int, int]:
    """Lines and characters of files that a user writes, without empty lines and those that are comments only."""
    written = [line for name in names for line in FILES[name].splitlines() if line.strip() and line.lstrip()[0] != "#"]
    return len(written), sum(len(line.strip()) for line in written)


def write_pictures(folder: Path) -> None:
    """The pictures of the kind `digits` as PNG files, `train/CLASS` and `validation/CLASS`: rounded to bytes."""
    import torch
    from PIL import Image

    from studies.training.data.digits import placed_digits
    from studies.trials.data import DigitsSpec

    made = placed_digits(DigitsSpec(kind="digits", train_size=4096, test_size=2048))
    darkest, brightest = made["train"][0].aminmax()
    for split, name in (("train", "train"), ("test", "validation")):
        pictures, labels = made[split]
        scaled = (255 * (pictures - darkest) / (brightest - darkest)).round().clamp(0, 255)
        for i, (picture, label) in enumerate(zip(scaled.to(torch.uint8), labels.tolist(), strict=True)):
            path = folder / name / str(label) / f"{i:05}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray(picture.permute(1, 2, 0).numpy()).save(path)
