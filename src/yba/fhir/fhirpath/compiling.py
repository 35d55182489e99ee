"""A tree into Python closures, once; evaluation then only calls them.

Names that a type does not have are refused when the path is known to be of that type. Below `children()`,
`descendants()`, `repeat()` and `resolve()` types are mixed, and such names simply find nothing.
Standard: FHIRPath 2.0, "Path Selection", "Operations".
"""

# ruff: noqa: ARG005  (all functions of the language have one signature)

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from yba.fhir.fhirpath import (
    arithmetic,
    comparing,
    converting,
    mathematics,
    resources,
    selecting,
    texts,
)
from yba.fhir.fhirpath.checking import check
from yba.fhir.fhirpath.converting import to_string
from yba.fhir.fhirpath.errors import FhirPathError
from yba.fhir.fhirpath.evaluation import Code, Env, Function, maybe, one, truth
from yba.fhir.fhirpath.tree import (
    Binary,
    Call,
    Empty,
    External,
    Indexed,
    Literal,
    Member,
    Special,
    Tree,
    TypeTest,
    Unary,
)
from yba.fhir.fhirpath.values import (
    Collection,
    Item,
    Node,
    TypeName,
    children,
    is_type,
    known_type,
)

FUNCTIONS: Final[dict[str, tuple[int, int, Function]]] = {
    **selecting.FUNCTIONS,
    **converting.FUNCTIONS,
    **texts.FUNCTIONS,
    **mathematics.FUNCTIONS,
    **resources.FUNCTIONS,
}
# Functions whose arguments are evaluated for each item, with the item as $this.
_PER_ITEM: Final = (
    "exists",
    "all",
    "where",
    "select",
    "repeat",
    "aggregate",
    "iif",
    "trace",
    "sort",
)
_MIXING: Final = ("children", "descendants", "repeat", "resolve", "combine", "union")
_WELL_KNOWN: Final = {
    "sct": "http://snomed.info/sct",
    "loinc": "http://loinc.org",
    "ucum": "http://unitsofmeasure.org",
}


@dataclass(frozen=True, slots=True)
class _Scope:
    """What is known about $this where a tree is compiled."""

    mixed: bool = False
    """Whether $this may be of different types."""


def compiled(tree: Tree, *, mixed: bool = False, strict: bool = False) -> Code:
    """Return a tree as code; `mixed` says that it will meet elements of different types.

    Raises FhirPathError for functions and types that do not exist; with `strict` also for what can have no
    meaning whatever the data (`checking`).
    """
    if strict:
        check(tree)
    return _compile(tree, _Scope(mixed))


def _compile(tree: Tree, scope: _Scope) -> Code:
    match tree:
        case Literal(value):
            constant: Collection = [value]
            return lambda env: constant
        case Empty():
            return lambda env: []
        case Member():
            return _member(tree, scope)
        case Call():
            return _call(tree, scope)
        case Indexed():
            return _indexed(tree, scope)
        case Unary():
            return _unary(tree, scope)
        case Binary():
            return _binary(tree, scope)
        case TypeTest():
            return _type_test(_compile(tree.operand, scope), tree.operator, tree.type)
        case Special(name):
            return _special(name)
        case External(name):
            return _external(name)


def _is_mixed(tree: Tree | None, scope: _Scope) -> bool:
    match tree:
        case None | Special():
            return scope.mixed
        case Call(focus, name, _):
            return name in _MIXING or _is_mixed(focus, scope)
        case Member(focus, name):
            # Contained resources and entries may be of any type.
            return name in ("contained", "resource") or _is_mixed(focus, scope)
        case Indexed(focus, _):
            return _is_mixed(focus, scope)
        case Binary() | External():
            return True
        case _:
            return False


def _member(tree: Member, scope: _Scope) -> Code:
    name = tree.name
    if tree.focus is not None:
        inner = _compile(tree.focus, scope)
        lenient = _is_mixed(tree.focus, scope)
        return lambda env: _children(inner(env), name, lenient)
    lenient = scope.mixed
    if name[:1].isupper() and known_type(name) is not None:
        return lambda env: _of_root(env, name, lenient)
    return lambda env: _children(env.this, name, lenient)


def _of_root(env: Env, name: str, lenient: bool) -> Collection:
    """Return $this if it is of the type that a path begins with."""
    found: Collection = [i for i in env.this if isinstance(i, Node) and is_type(i.type, name)]
    if not found and env.this and not lenient:
        raise FhirPathError(f"the path begins with {name}, which the context is not")
    return found


def _children(items: Collection, name: str, lenient: bool) -> Collection:
    found: Collection = []
    known = not items
    for item in items:
        values = _child(item, name)
        if values is not None:
            known = True
            found += values
    if not known and not lenient:
        raise FhirPathError(f"there is no element {name} here")
    return found


def _child(item: Item, name: str) -> list[Item] | None:
    if isinstance(item, Node):
        return children(item, name)
    if isinstance(item, TypeName):
        return [getattr(item, name)] if name in ("namespace", "name") else None
    value = getattr(item, name, None) if name in ("value", "unit") else None
    return None if value is None else [value]


def _call(tree: Call, scope: _Scope) -> Code:
    name = tree.name
    focus: Code = (lambda env: env.this) if tree.focus is None else _compile(tree.focus, scope)
    if name in ("is", "as", "ofType"):
        return _type_function(tree, focus)
    if name == "sort":
        return _sort(tree, focus, scope)
    if name not in FUNCTIONS:
        raise FhirPathError(f"there is no function {name}")
    least, most, function = FUNCTIONS[name]
    if not least <= len(tree.arguments) <= most:
        raise FhirPathError(f"{name} takes {least} to {most} arguments")
    inner = _argument_scope(tree, scope)
    if name == "getReferenceKey":
        arguments = tuple(_type_as_text(argument) for argument in tree.arguments)
    else:
        arguments = tuple(_compile(argument, inner) for argument in tree.arguments)
    return lambda env: function(env, focus(env), arguments)


def _argument_scope(tree: Call, scope: _Scope) -> _Scope:
    if tree.name not in _PER_ITEM:
        return scope
    return _Scope(mixed=tree.name == "repeat" or _is_mixed(tree.focus, scope))


def _type_as_text(tree: Tree) -> Code:
    value: Collection = [_type_text(tree)]
    return lambda env: value


def _type_text(tree: Tree) -> str:
    match tree:
        case Member(None, name):
            return name
        case Member(focus, name) if focus is not None:
            return f"{_type_text(focus)}.{name}"
        case Literal(value) if isinstance(value, str):
            return value
        case _:
            raise FhirPathError("the name of a type was expected")


def _type_function(tree: Call, focus: Code) -> Code:
    if len(tree.arguments) != 1:
        raise FhirPathError(f"{tree.name} takes one type")
    return _type_test(focus, tree.name, _type_text(tree.arguments[0]))


def _type_test(operand: Code, operator: str, name: str) -> Code:
    wanted = known_type(name)
    if wanted is None:
        if operator == "is" and "." in name:
            return lambda env: [False] if operand(env) else []
        raise FhirPathError(f"there is no type {name}")
    if operator == "ofType":
        return lambda env: [i for i in operand(env) if resources.has_type(i, wanted, exact=True)]

    def test(env: Env) -> Collection:
        items = operand(env)
        if not items:
            return []
        if len(items) > 1:
            raise FhirPathError(f"{operator} takes one value")
        if operator == "is":
            return [resources.has_type(items[0], wanted, exact=False)]
        return items if resources.has_type(items[0], wanted, exact=True) else []

    return test


def _sort(tree: Call, focus: Code, scope: _Scope) -> Code:
    inner = _argument_scope(tree, scope)
    keys: list[tuple[Code, bool]] = []
    for argument in tree.arguments:
        # Here a minus says "descending", also before text.
        descending = isinstance(argument, Unary) and argument.operator == "-"
        key = argument.operand if isinstance(argument, Unary) and descending else argument
        keys.append((_compile(key, inner), descending))
    if not keys:
        keys.append((lambda env: env.this, False))
    found = tuple(keys)
    return lambda env: selecting.sort(env, focus(env), found)


def _indexed(tree: Indexed, scope: _Scope) -> Code:
    focus, index = _compile(tree.focus, scope), _compile(tree.index, scope)

    def run(env: Env) -> Collection:
        place = one(index(env))
        if isinstance(place, bool) or not isinstance(place, int):
            raise FhirPathError("an index must be a whole number")
        items = focus(env)
        return [items[place]] if 0 <= place < len(items) else []

    return run


def _unary(tree: Unary, scope: _Scope) -> Code:
    operand = _compile(tree.operand, scope)

    def run(env: Env) -> Collection:
        value = one(operand(env))
        if value is None:
            return []
        changed = arithmetic.negative(value)
        return [changed if tree.operator == "-" else value]

    return run


def _binary(tree: Binary, scope: _Scope) -> Code:
    left, right, operator = _compile(tree.left, scope), _compile(tree.right, scope), tree.operator
    match operator:
        case "and" | "or" | "xor" | "implies":
            return lambda env: _logic(operator, truth(left(env)), right, env)
        case "|":
            return lambda env: comparing.distinct([*left(env), *right(env)])
        case "=" | "!=":
            return lambda env: _equality(left(env), right(env), operator)
        case "~" | "!~":
            wanted = operator == "~"
            return lambda env: [comparing.equivalent_collections(left(env), right(env)) == wanted]
        case "<" | ">" | "<=" | ">=":
            return lambda env: _comparison(left(env), right(env), operator)
        case "in" | "contains":
            if operator == "contains":
                left, right = right, left
            return lambda env: _membership(left(env), right(env))
        case "&":
            return lambda env: [_text(left(env)) + _text(right(env))]
        case _:
            return lambda env: _arithmetic(operator, left(env), right(env))


def _logic(operator: str, a: bool | None, right: Code, env: Env) -> Collection:
    """Three-valued logic; the right side is not looked at when the left decides."""
    if (operator == "and" and a is False) or (operator == "or" and a is True):
        return [a]
    if operator == "implies" and a is False:
        return [True]
    b = truth(right(env))
    match operator:
        case "and":
            return [False] if b is False else maybe(None if a is None or b is None else True)
        case "or":
            return [True] if b is True else maybe(None if a is None or b is None else False)
        case "xor":
            return [] if a is None or b is None else [a != b]
        case _:
            return [True] if b is True else maybe(None if a is None else b)


def _equality(left: Collection, right: Collection, operator: str) -> Collection:
    answer = comparing.equal_collections(left, right)
    return [] if answer is None else [answer == (operator == "=")]


def _comparison(left: Collection, right: Collection, operator: str) -> Collection:
    if not left or not right:
        return []
    one(left)
    one(right)
    order = comparing.order(left[0], right[0])
    if order is None:
        return []
    match operator:
        case "<":
            return [order < 0]
        case ">":
            return [order > 0]
        case "<=":
            return [order <= 0]
        case _:
            return [order >= 0]


def _membership(wanted: Collection, items: Collection) -> Collection:
    if not wanted:
        return []
    one(wanted)
    return [comparing.contains(items, wanted[0])]


def _text(items: Collection) -> str:
    value = one(items)
    return "" if value is None else (to_string(value) or "")


def _arithmetic(operator: str, left: Collection, right: Collection) -> Collection:
    a, b = one(left), one(right)
    return [] if a is None or b is None else maybe(arithmetic.calculate(operator, a, b))


def _special(name: str) -> Code:
    if name == "$this":
        return lambda env: env.this
    if name == "$index":
        return lambda env: maybe(env.index)
    return lambda env: env.total or []


def _external(name: str) -> Code:
    if name in _WELL_KNOWN:
        value: Collection = [_WELL_KNOWN[name]]
        return lambda env: value
    for prefix, kind in (("vs-", "ValueSet"), ("ext-", "StructureDefinition")):
        if name.startswith(prefix):
            url: Collection = [f"http://hl7.org/fhir/{kind}/{name.removeprefix(prefix)}"]
            return lambda env: url
    return lambda env: _variable(env, name)


def _variable(env: Env, name: str) -> Collection:
    if name in env.shared.variables:
        return env.shared.variables[name]
    if name in ("resource", "rootResource", "context"):
        return [env.shared.root]
    raise FhirPathError(f"there is no variable %{name}")
