"""Study files: found by name or path, read, and resolved to arms. No torch here, and nothing is counted."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from searchspace.expand import SpecError, nearest
from searchspace.libraries import named_model
from searchspace.presets import preset
from searchspace.spec import ModelSpec
from studies.language.catalog import FOLDER, names
from studies.language.equal_cost import check_field
from studies.language.generators import FIELDS, MOST_ARMS, generate, matches
from studies.language.origins import linked, origins_of
from studies.language.scale_file import load_scale, own_scale
from studies.language.study import Arm, Study
from studies.language.study_file import Group, StudyFile, merged
from studies.language.variants import Variant, vary
from studies.language.yaml_file import YamlFile
from studies.trials.scale import Scale
from studies.trials.seeds import numbered


def load_study(name: str, scale: str | Path | Scale | None = None) -> Study:
    """A study that ships, by name, or a file of the user's, by path.

    What arms make of data and recipe is checked at the study's own scale, unless another one is asked for: there, arms
    that it does not fit are refused one by one (`studies.language.expansion.at_scale`).

    Raises:
        SpecError: if there is no such study (with the nearest names), or its file is wrong (file and line).
    """
    if name in names():
        return parse(FOLDER / f"{name}.yaml", scale)
    if name.endswith((".yaml", ".yml")) or "/" in name:
        return parse(Path(name), scale)
    raise SpecError(f"unknown study {name!r}{nearest(name, names())}; a file of yours is named with its .yaml")


def parse(path: Path, scale: str | Path | Scale | None = None) -> Study:
    """Read and resolve a study file; `scale`: that is asked for, none: the study's own.

    Raises:
        SpecError: with file and line.
    """
    file = read(path)
    content = file.validate(StudyFile)
    groups = content.all_groups()
    if not groups:
        text = "a search and no arms: `studies search` runs it, `studies plan` says what it is"
        raise file.error(("search",), f"{content.study} has {text}")
    arms: list[Arm] = []
    for name, group in groups.items():
        where = ("groups", name) if name in content.groups else ()
        arms += _arms(file, where, name, group)
        if len(arms) > MOST_ARMS:
            raise file.error(where, f"{len(arms)} arms, and at most {MOST_ARMS} are made: make several studies of it")
    if scale is None or content.scale == (scale.scale if isinstance(scale, Scale) else str(scale)):
        _check_recipes(content.scale, arms)
    return Study(
        name=content.study,
        question=content.question,
        remark=content.remark,
        table=content.paper.table if content.paper else None,
        scale=content.scale,
        seeds=numbered(content.seeds),
        baseline_seeds=content.baseline_seeds,
        arms=tuple(linked(file, content.groups, arms)),
        bases={name: group.base for name, group in groups.items()},
        path=path,
        searches=content.search is not None,
    )


def _check_recipes(scale: str, arms: list[Arm]) -> None:
    """Refuse what an arm makes of data and recipe, at the study's own scale, if that has the stage it asks for."""
    loaded = None
    changing = [arm for arm in arms if arm.data or arm.recipe]
    for arm in changing:
        try:
            loaded = loaded or load_scale(scale)
            if arm.stage is None or arm.stage in loaded.stages:
                own_scale(arm, loaded)
        except SpecError as error:
            raise SpecError(f"{arm.place}: {arm.name}: {error}", error.where, error.kind) from None


def read(path: Path, children: tuple[Path, ...] = ()) -> YamlFile:
    """A study file with the content of those it extends.

    Raises:
        SpecError: with file and line.
    """
    file = YamlFile(path)
    _find_files(file, ("scale",), ("search", "scale"), ("search", "space"))
    parent = file.data.get("extends")
    if parent is None:
        return file
    if not isinstance(parent, str):
        raise file.error(("extends",), f"extends: the name or the path of a study, got {parent!r}")
    if parent in names():
        found = FOLDER / f"{parent}.yaml"
    elif parent.endswith((".yaml", ".yml")):
        found = path.parent / parent
    else:
        raise file.error(("extends",), f"unknown study {parent!r}{nearest(parent, names())}")
    if not found.is_file():
        raise file.error(("extends",), f"extends: no such file: {found}")
    line = (*children, path.resolve())
    if found.resolve() in line:
        circle = " extends ".join(p.name for p in (*line[line.index(found.resolve()) :], found))
        raise file.error(("extends",), f"a study cannot extend itself: {circle}")
    own, base = file.data, read(found, line).data
    for name, group in (own.get("groups") or {}).items() if isinstance(own.get("groups"), dict) else ():
        if isinstance(group, dict) and "base" not in group and name not in (base.get("groups") or {}):
            hint = nearest(name, base.get("groups") or {})
            text = f"groups: {parent} has no group {name!r}, and a new one needs `base`{hint}"
            raise file.error(("groups", name), text)
    file.data = merged(base, own)
    if "paper" not in own:
        file.data.pop("paper", None)  # another study's table is not this one's
    return file


def _find_files(file: YamlFile, *keys: tuple[str, ...]) -> None:
    """Files of the user's, of a scale say, are looked for beside the study file that names them."""
    for key in keys:
        *outer, name = key
        holder = file.data
        for part in outer:
            holder = holder.get(part)
            if not isinstance(holder, dict):
                break
        else:
            named = holder.get(name)
            if isinstance(named, str) and named.endswith((".yaml", ".yml")):
                found = file.path.parent / named
                if not found.is_file():
                    raise file.error(key, f"{name}: no such file: {found}")
                holder[name] = str(found)


def _arms(file: YamlFile, where: tuple[str, ...], name: str, group: Group) -> Iterator[Arm]:
    if not name.strip() or not name.isprintable():
        raise file.error(where, f"the name of a group is one line of text, got {name!r}")
    try:
        base = preset(group.base)
    except SpecError as error:
        raise file.error((*where, "base"), str(error)) from None
    variants: dict[str, Variant] = {}
    origins: dict[str, dict[str, Any]] = {}
    presets: dict[str, str] = {}
    for arm, entry in group.arms.items():
        if not arm.strip() or not arm.isprintable():
            raise file.error((*where, "arms", arm), f"the name of an arm is one line of text, got {arm!r}")
        changes = dict(entry or {})
        origins[arm] = origins_of(file, (*where, "arms", arm), name, changes) | _stage_of(file, where, arm, changes)
        try:
            start = changes.pop("base", group.base)
            presets[arm] = start if isinstance(start, str) else ""
            variants[arm] = vary(named_model(start), changes)
        except SpecError as error:
            near = [key for key in entry or {} if key.startswith(f"{error.where}.")]
            key = next((key for key in entry or {} if error.blames(key)), next(iter(near), "base"))
            raise file.error((*where, "arms", arm, key), f"{arm}: {error}", error.kind) from None
    generated, long_names, grids = _generated(file, where, group, base, variants)
    variants |= generated
    by_long_name = {long_name: arm for arm, long_name in long_names.items()}
    baseline = by_long_name.get(group.baseline or "", group.baseline) or next(iter(variants))
    if baseline not in variants:
        hint = nearest(baseline, variants)
        raise file.error((*where, "baseline"), f"the baseline {baseline!r} is no arm of {name!r}{hint}")
    for arm, variant in variants.items():
        place = (*where, "match", group.match.figure) if group.match else (*where, "arms", arm)
        if group.match and arm != baseline:
            _check_match(file, where, group, arm, variant)
        yield Arm(
            name,
            arm,
            variant.model,
            arm == baseline,
            group.optional,
            own=variant.own,
            data=variant.data,
            recipe=variant.recipe,
            match=group.match,
            place=file.place(place),
            long_name=long_names.get(arm, ""),
            preset=presets.get(arm, group.base),
            grid=grids.get(arm, {}),
            **origins.get(arm, {}),
        )


def _check_match(file: YamlFile, where: tuple[str, ...], group: Group, arm: str, variant: Variant) -> None:
    """Refuse an arm whose field cannot be changed until costs are equal, or that says itself what it is."""
    assert group.match is not None
    field, figure = group.match.field, group.match.figure
    try:
        check_field(variant.model, field)
    except SpecError as error:
        raise file.error((*where, "match", figure), f"{arm}: {error}", error.kind) from None
    own = next((name for name in variant.own if f"{field}.".startswith(f"{name}.")), None)
    if own is None:
        return
    places = [(*where, "arms", arm, own), *((*where, kind, own) for kind in FIELDS), (*where, "sample", "fields", own)]
    found = next((place for place in places if place in file.lines), (*where, "arms", arm))
    text = f"{own} is {variant.own[own]} by the arm's own word, and `match` changes {field} until its {figure} are the "
    raise file.error(found, f"{arm}: {text}baseline's; leave it out of the arm, or match another field")


def _stage_of(file: YamlFile, where: tuple[str, ...], arm: str, changes: dict[str, Any]) -> dict[str, str]:
    """The stage that an arm's entry asks for, taken out of its changes; which stages there are is for scales to say."""
    if "stage" not in changes:
        return {}
    stage = changes.pop("stage")
    if not isinstance(stage, str) or not stage:
        raise file.error((*where, "arms", arm, "stage"), f"{arm}: stage: the name of a scale's stage, got {stage!r}")
    return {"stage": stage}


def _check_exclude(file: YamlFile, where: tuple[str, ...], group: Group) -> None:
    """Refuse an entry of `exclude` that names a field which no generator has."""
    known = {*group.ablate, *group.add_one, *group.grid, *group.zip, *(group.sample.fields if group.sample else ())}
    for i, excluded in enumerate(group.exclude):
        for name in excluded:
            if name not in known:
                hint = nearest(name, sorted(known))
                raise file.error((*where, "exclude", i), f"exclude: no generator has the field {name!r}{hint}")


def _generated(
    file: YamlFile, where: tuple[str, ...], group: Group, base: ModelSpec, named: dict[str, Variant]
) -> tuple[dict[str, Variant], dict[str, str], dict[str, dict[str, Any]]]:
    """The arms that a group's generators make, after the base itself if no named arm is it.

    With the long names of all, and the overrides of those of a grid, by name.
    """

    def can_be_built(overrides: dict[str, Any]) -> bool:
        try:
            vary(base, overrides)
        except SpecError as error:
            if error.kind == "unknown_field":
                raise
            return False
        return True

    made: dict[str, Variant] = {}
    long_names: dict[str, str] = {}
    grids: dict[str, dict[str, Any]] = {}
    kind, arm = "sample", ""
    try:
        for kind, arm, long_name, overrides in generate(group, can_be_built):  # the error names them
            if not group.name and (arm in named or arm in made):
                arm = long_name
            if arm in named or arm in made:
                tell = (
                    "let `name` tell them apart" if group.name else "rename the one under `arms`, or exclude this one"
                )
                raise SpecError(f"two arms have this name: {tell}")
            made[arm], long_names[arm] = vary(base, overrides), long_name
            if kind == "grid":
                grids[arm] = overrides
    except SpecError as error:
        place = next((key for key in getattr(group, kind) or {} if error.blames(key)), "")
        text = f"{kind}: {f'{arm}: ' if arm else ''}{error}"
        raise file.error((*where, kind, place), text, error.kind) from None
    _check_exclude(file, where, group)
    everything = group.model_copy(update={"exclude": [], "sample": None})
    all_made = [arm.overrides for arm in generate(everything, can_be_built)] if group.exclude else []
    for i, excluded in enumerate([] if group.sample else group.exclude):
        if not any(matches(overrides, excluded) for overrides in all_made):
            inherited = "" if (*where, "exclude", i) in file.lines else " (of the study that this one extends)"
            text = f"exclude: {excluded}{inherited} matches no generated arm; remove or mend it"
            raise file.error((*where, "exclude", i), text)
    if group.generates() and not made:
        raise file.error((*where, "exclude"), "exclude: nothing is left of the generated arms")
    only_reverse = all(arm.startswith("stripped") for arm in made)
    has_base = any(variant.is_base(base) for variant in named.values())
    if made and not has_base and not only_reverse:
        made = {"base": Variant(base)} | made
    return made, long_names, grids
