"""Functions are replaced and put back, the same object in the same place."""

import functools
import pickle
import types

from mlctl.autologging.patches import Patches, original_of


def noted(original):
    @functools.wraps(original)
    def call(*args):
        return ["noted", original(*args)]

    return call


class Base:
    def inherited(self):
        return "base"

    def own(self):
        return "base own"


class Child(Base):
    def own(self):
        return "child own"

    settled = property(lambda self: "property")


class Conditional:
    """A descriptor as scikit-learn has for methods that exist on a condition."""

    def __init__(self, fn):
        self.fn = fn
        self.check = lambda _: True

    def __get__(self, instance, owner=None):
        return types.MethodType(self.fn, instance)


class WithConditional:
    maybe = Conditional(lambda self: "maybe")


def test_a_class_is_itself_again():
    before = dict(vars(Child))
    patches = Patches()
    for name in ("own", "inherited", "settled", "absent"):
        patches.wrap(Child, name, noted)
    assert Child().own() == ["noted", "child own"]
    assert Child().inherited() == ["noted", "base"]
    assert Child().settled == "property"
    assert Base().inherited() == "base"
    patches.undo()
    after = dict(vars(Child))
    assert after.keys() == before.keys()
    assert all(after[name] is before[name] for name in before)


def test_what_is_inherited_from_a_patched_class_is_not_wrapped_twice():
    patches = Patches()
    patches.wrap(Base, "inherited", noted)
    patches.wrap(Child, "inherited", noted)
    patches.wrap(Base, "inherited", noted)
    assert Child().inherited() == ["noted", "base"]
    assert "inherited" not in vars(Child)
    patches.undo()
    assert Child().inherited() == "base"


def test_a_conditional_method_keeps_its_descriptor():
    descriptor = vars(WithConditional)["maybe"]
    original = descriptor.fn
    patches = Patches()
    patches.wrap(WithConditional, "maybe", noted)
    assert WithConditional().maybe() == ["noted", "maybe"]
    assert vars(WithConditional)["maybe"] is descriptor
    patches.undo()
    assert descriptor.fn is original


def test_one_function_in_two_modules_has_one_replacement():
    shown, defining = types.ModuleType("shown"), types.ModuleType("defining")
    shown.f = defining.f = original = Base.own
    patches = Patches()
    patches.wrap(shown, "f", noted)
    patches.wrap(defining, "f", noted)
    assert shown.f is defining.f
    assert original_of(shown.f) is original
    patches.undo()
    assert shown.f is defining.f is original


def test_what_somebody_else_put_there_meanwhile_stays():
    patches = Patches()
    patches.wrap(Child, "own", noted)
    ours = Child.own

    def theirs(self):
        return ["theirs", ours(self)]

    Child.own = theirs
    try:
        patches.undo()
        assert Child.own is theirs
    finally:
        Child.own = original_of(ours)


def test_instances_of_a_patched_class_are_pickled():
    patches = Patches()
    patches.wrap(Child, "own", noted)
    try:
        assert pickle.loads(pickle.dumps(Child())).own() == ["noted", "child own"]
    finally:
        patches.undo()
