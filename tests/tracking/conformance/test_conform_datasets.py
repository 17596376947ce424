"""Datasets and models as inputs and outputs of runs, on every store."""

import pytest
from hostile_values import HOSTILE

from mlctl.errors import InvalidValueError, NotFoundError
from mlctl.tracking.entities import (
    ALL,
    CONTEXT_TAG,
    Dataset,
    DatasetInput,
    DatasetSummary,
    InputTag,
    LoggedModelInput,
    LoggedModelOutput,
    RunInputs,
    RunOutputs,
)


def data(name="iris", digest="d1", *, context=None, tags=(), **fields):
    """A dataset as an input."""
    dataset = Dataset(name, digest, fields.pop("source_type", "local"), fields.pop("source", "{}"), **fields)
    return DatasetInput(dataset, (*([InputTag(CONTEXT_TAG, context)] if context is not None else []), *tags))


def names(store, run_id):
    return [(item.dataset.name, item.dataset.digest) for item in store.get_run(run_id).inputs.dataset_inputs]


class TestInputs:
    """Logging the same again changes nothing, and the first one's words stay."""

    def test_a_run_has_none(self, store, make):
        run = store.get_run(make())
        assert (run.inputs, run.outputs) == (RunInputs(), RunOutputs())
        assert run.to_dictionary()["inputs"] == {"dataset_inputs": [], "model_inputs": []}

    def test_all_fields(self, store, make):
        run_id = make()
        full = data(schema='{"a": 1}', profile="{}", source_type="http", source="x", context="train", tags=[InputTag("a", "1")])
        bare = data("wine")
        store.log_inputs(run_id, datasets=[full, bare], models=[LoggedModelInput("m-1")])
        tags = (InputTag("a", "1"), InputTag(CONTEXT_TAG, "train"))
        inputs = RunInputs((DatasetInput(full.dataset, tags), bare), (LoggedModelInput("m-1"),))
        assert store.get_run(run_id).inputs == inputs
        assert [run.inputs for run in store.search_runs(["0"])] == [inputs]
        assert bare.dataset.schema is None
        assert store.get_run(run_id).to_dictionary()["inputs"]["dataset_inputs"][1] == {
            "dataset": dict(bare.dataset),
            "tags": [],
        }

    def test_first_tags_win(self, store, make):
        run_id = make()
        store.log_inputs(run_id, datasets=[data(context="train"), data(context="test", tags=[InputTag("b", "2")])])
        store.log_inputs(run_id, datasets=[data(context="eval")])
        store.log_inputs(run_id, datasets=[data()])
        assert store.get_run(run_id).inputs.dataset_inputs == (data(context="train"),)

    def test_first_description_wins_within_an_experiment(self, store, make):
        other = store.create_experiment("other")
        one, two, three = make(), make(), make(experiment=other)
        store.log_inputs(one, datasets=[data(schema="first")])
        store.log_inputs(two, datasets=[data(schema="second", context="test"), data(digest="d2", schema="third")])
        store.log_inputs(three, datasets=[data(schema="fourth")])
        schemas = [[item.dataset.schema for item in store.get_run(run).inputs.dataset_inputs] for run in (one, two, three)]
        assert schemas == [["first"], ["first", "third"], ["fourth"]]
        assert store.get_run(one).inputs.dataset_inputs[0].tags == ()

    def test_models(self, store, make):
        run_id = make()
        store.log_inputs(run_id, models=[LoggedModelInput("m-b"), LoggedModelInput("m-a"), LoggedModelInput("m-b")])
        store.log_inputs(run_id, models=[LoggedModelInput("m-b")])
        assert store.get_run(run_id).inputs == RunInputs((), (LoggedModelInput("m-a"), LoggedModelInput("m-b")))
        store.log_inputs(run_id)

    def test_each_run_has_its_own(self, store, make):
        runs = [make(str(number), start=number) for number in range(4)]
        store.log_inputs(runs[1], datasets=[data(context="train")])
        store.log_inputs(runs[3], datasets=[data(), data("wine")], models=[LoggedModelInput("m")])
        store.log_outputs(runs[2], [LoggedModelOutput("m", 1)])
        found = {run.info.run_id: run for run in store.search_runs(["0"])}
        assert [len(found[run].inputs.dataset_inputs) for run in runs] == [0, 1, 0, 2]
        assert [len(found[run].inputs.model_inputs) for run in runs] == [0, 0, 0, 1]
        assert [len(found[run].outputs.model_outputs) for run in runs] == [0, 0, 1, 0]
        assert found[runs[3]].inputs.dataset_inputs[0].tags == ()

    def test_many_runs_and_datasets(self, store, make):
        run_id = make()
        store.log_inputs(run_id, datasets=[data(f"set {number}", context="x") for number in range(700)])
        found = store.get_run(run_id).inputs.dataset_inputs
        assert [item.dataset.name for item in found] == [f"set {number}" for number in range(700)]
        assert {item.tags for item in found} == {(InputTag(CONTEXT_TAG, "x"),)}

    @pytest.mark.parametrize("text", HOSTILE)
    def test_any_text(self, store, make, text):
        run_id = make()
        item = data(text, text[:36], source_type=text, source=text, schema=text, profile=text, tags=[InputTag(text, text)])
        store.log_inputs(run_id, datasets=[item], models=[LoggedModelInput(text)])
        store.log_outputs(run_id, [LoggedModelOutput(text, -1)])
        run = store.get_run(run_id)
        assert run.inputs == RunInputs((item,), (LoggedModelInput(text),))
        assert run.outputs == RunOutputs((LoggedModelOutput(text, -1),))

    def test_longest_values(self, store, make):
        run_id = make()
        tag = InputTag("k" * 255, "v" * 500)
        item = data("n" * 500, "d" * 36, source="s" * 65535, schema="c" * 1048575, profile="p" * 16777215, tags=[tag])
        store.log_inputs(run_id, datasets=[item])
        assert store.get_run(run_id).inputs.dataset_inputs == (item,)

    @pytest.mark.parametrize(
        "item",
        [
            data("n" * 501),
            data(digest="d" * 37),
            data(source="s" * 65536),
            data(schema="s" * 1048576),
            data(profile="s" * 16777216),
            data(name=None),
            data(digest=5),
            data(source=None),
            data(schema=5),
            data("a\udcff"),
            data(tags=[InputTag("k" * 256, "v")]),
            data(tags=[InputTag("k", "v" * 501)]),
            data(tags=[InputTag("k", None)]),
            data(tags=[InputTag("k", "1"), InputTag("k", "1")]),
        ],
    )
    def test_bad_values_change_nothing(self, store, make, item):
        run_id = make()
        with pytest.raises(InvalidValueError):
            store.log_inputs(run_id, datasets=[data("good"), item], models=[LoggedModelInput("m")])
        assert store.get_run(run_id).inputs == RunInputs()
        assert store.search_datasets(["0"]) == []

    @pytest.mark.parametrize("model_id", ["", None, 5, "m" * 501])
    def test_bad_models(self, store, make, model_id):
        run_id = make()
        with pytest.raises(InvalidValueError):
            store.log_inputs(run_id, datasets=[data()], models=[LoggedModelInput(model_id)])
        with pytest.raises(InvalidValueError):
            store.log_outputs(run_id, [LoggedModelOutput("good"), LoggedModelOutput(model_id)])
        run = store.get_run(run_id)
        assert (run.inputs, run.outputs) == (RunInputs(), RunOutputs())


class TestOutputs:
    """A model is an output of a run once."""

    def test_outputs(self, store, make):
        run_id = make()
        store.log_outputs(run_id, [LoggedModelOutput("m-z", 3), LoggedModelOutput("m-a")])
        store.log_outputs(run_id, [])
        store.log_outputs(run_id, [LoggedModelOutput("m-b", -(2**63)), LoggedModelOutput("m-z", 3), LoggedModelOutput("m-b", -(2**63))])
        expected = RunOutputs((LoggedModelOutput("m-a", 0), LoggedModelOutput("m-b", -(2**63)), LoggedModelOutput("m-z", 3)))
        assert store.get_run(run_id).outputs == expected
        assert [run.outputs for run in store.search_runs(["0"])] == [expected]

    @pytest.mark.parametrize("models", [[("m", 4)], [("new", 1), ("new", 2)], [("new", 1), ("m", 4)]])
    def test_another_step_is_refused(self, store, make, models):
        run_id = make()
        store.log_outputs(run_id, [LoggedModelOutput("m", 3)])
        with pytest.raises(InvalidValueError, match="step"):
            store.log_outputs(run_id, [LoggedModelOutput(*model) for model in models])
        assert store.get_run(run_id).outputs == RunOutputs((LoggedModelOutput("m", 3),))

    @pytest.mark.parametrize("step", [1.5, "1", None, True, 2**63])
    def test_bad_step(self, store, make, step):
        run_id = make()
        with pytest.raises(InvalidValueError, match="step"):
            store.log_outputs(run_id, [LoggedModelOutput("m", step)])
        assert store.get_run(run_id).outputs == RunOutputs()


def test_runs_that_take_none(store, make):
    gone = make()
    store.delete_run(gone)
    for run_id, error in ((gone, InvalidValueError), ("f" * 32, NotFoundError)):
        for call in (
            lambda run_id=run_id: store.log_inputs(run_id),
            lambda run_id=run_id: store.log_inputs(run_id, datasets=[data()]),
            lambda run_id=run_id: store.log_outputs(run_id, []),
            lambda run_id=run_id: store.log_outputs(run_id, [LoggedModelOutput("m")]),
        ):
            with pytest.raises(error, match=run_id):
                call()
    assert store.search_datasets(["0"]) == []


@pytest.fixture
def used(store, make):
    """Runs that used datasets; their ids by name."""
    ids = {name: make(name, start=start) for start, name in enumerate("abcde")}
    store.log_inputs(ids["a"], datasets=[data("iris", "d1", context="train"), data("wine", "d2", context="test")])
    store.log_inputs(ids["b"], datasets=[data("iris", "d1", context="eval")])
    store.log_inputs(ids["c"], datasets=[data("Wine", "d3"), data("it's", "d4", tags=[InputTag("note", "train")])])
    store.log_inputs(ids["e"], datasets=[data("gone", "d9", context="train")])
    store.delete_run(ids["e"])
    return ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("datasets.name = 'iris'", "ba"),
        ("dataset.`name` = 'wine'", "a"),
        ('datasets.name = "it\'s"', "c"),
        ("datasets.name = 'IRIS'", ""),
        ("datasets.name = 'none'", ""),
        ("datasets.name = ''", ""),
        ("datasets.name != 'iris'", "ca"),
        ("datasets.name LIKE 'W%'", "c"),
        ("datasets.name ILIKE 'w%'", "ca"),
        ("datasets.name IN ('iris', 'x')", "ba"),
        ("datasets.name NOT IN ('iris')", "ca"),
        ("datasets.digest = 'd3'", "c"),
        ("datasets.digest != 'd1'", "ca"),
        ("datasets.digest LIKE 'd_'", "cba"),
        ("datasets.digest IN ('d1', 'd3')", "cba"),
        ("datasets.context = 'train'", "a"),
        ("datasets.context != 'train'", "ba"),
        ("datasets.context ILIKE 'T%'", "a"),
        ("datasets.context LIKE 'T%'", ""),
        ("datasets.context IN ('eval', 'test')", "ba"),
        ("datasets.context NOT IN ('none')", "ba"),
        ("datasets.name = 'iris' AND datasets.digest = 'd2'", "a"),
        ("datasets.name = 'iris' AND datasets.context = 'test'", "a"),
        ("datasets.name = 'iris' AND datasets.name = 'wine'", "a"),
        ("datasets.name = 'iris' AND start_time > 0", "b"),
        ("datasets.name = 'iris' AND tags.none = 'x'", ""),
    ],
)
def test_filters(make, used, text, expected):
    assert "".join(make.found(text)) == expected
    assert "".join(make.found(text, "start_time ASC")) == expected[::-1]
    assert "".join(make.found(text, "metrics.none")) == expected


def test_filters_look_at_the_experiments_asked_for(store, make, used):
    other = store.create_experiment("other")
    there = make("there", experiment=other)
    store.log_inputs(there, datasets=[data("iris", "d1", context="train")])
    assert make.found("datasets.name = 'iris'", experiments=[other]) == ["there"]
    assert make.found("datasets.name = 'iris'") == ["b", "a"]
    assert make.found("datasets.name = 'gone'") == []
    assert make.found("datasets.name = 'gone'", view=ALL) == ["e"]


def test_a_run_is_found_once_and_pages_are_whole(store, make):
    for number in range(9):
        run_id = make(str(number), start=number)
        store.log_inputs(run_id, datasets=[data("iris", digest) for digest in "xyz"])
    for text in ("datasets.name = 'iris'", "datasets.name != 'none'", "datasets.digest IN ('x', 'y')"):
        first = store.search_runs(["0"], filter_string=text, max_results=5)
        second = store.search_runs(["0"], filter_string=text, max_results=5, page_token=first.token)
        assert [run.info.run_name for run in (*first, *second)] == list("876543210")
        assert second.token is None


class TestSearchDatasets:
    """Which datasets experiments have, in which contexts: also those of deleted runs."""

    def test_summaries(self, store, used):
        found = store.search_datasets(["0"])
        expected = [
            ("Wine", "d3", None),
            ("gone", "d9", "train"),
            ("iris", "d1", "eval"),
            ("iris", "d1", "train"),
            ("it's", "d4", None),
            ("wine", "d2", "test"),
        ]
        assert found == [DatasetSummary("0", *item) for item in expected]

    def test_experiments(self, store, make, used):
        other = store.create_experiment("other")
        assert store.search_datasets([other]) == []
        store.log_inputs(make(experiment=other), datasets=[data("iris", "d1", context="train")])
        assert store.search_datasets([other]) == [DatasetSummary(other, "iris", "d1", "train")]
        assert len(store.search_datasets([other, "0", other, "77"])) == 7
        store.delete_experiment(other)
        assert len(store.search_datasets([other])) == 1

    def test_at_most_a_thousand(self, store, make):
        store.log_inputs(make(), datasets=[data(f"set {number:04}") for number in range(1001)])
        assert [item.name for item in store.search_datasets(["0"])] == [f"set {number:04}" for number in range(1000)]

    @pytest.mark.parametrize("experiments", [[], ["x"], [""], [str(number) for number in range(21)]])
    def test_bad_experiments(self, store, experiments):
        with pytest.raises(InvalidValueError):
            store.search_datasets(experiments)
        assert store.search_datasets(["0"] * 20) == []
