"""Claim 9: what a request costs by layer, what 100,000 a second take, and whether a knee is predicted. Pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from statistics import median

import msgspec

from chaos.facts.claims.facts import LoadSeen
from chaos.facts.claims.recording import ClaimRecording
from chaos.judge.claims import interval, knee_seen, layers
from chaos.judge.claims.capacity_model import LAYERS, Costs, Ran, a_request, costs, highest_rate, resampled
from chaos.judge.claims.layers import Layer
from chaos.verdict.claims import Bars, Measure, Picture

COST = "cost"
"""The label of a load from which costs are made; its value says of which kind."""
CHECK = "check"
"""The label of a load, of the mix, that the model has to explain."""
KNEE = "mix"
"""The search for the knee of the mix."""
CPU, IDLE = "cpu", "idle"
"""Readings of each program: seconds of CPU in a load (with the load's labels), and cores at rest."""
PROGRAM = "program"
MACHINE, CLIENT = "machine", "client"
"""Programs that are none: all of this machine together, and whoever asks."""
OURS = ("haproxy", "shop", "redis", "toxiproxy", "postgres")
"""What a machine of its own would run; the client and the watchers are elsewhere there."""
WANTED = 100_000.0


@dataclass(frozen=True, slots=True)
class Model:
    """What is known of costs: the best guess, and others that are as likely."""

    best: Costs
    others: Sequence[Costs]

    def measure(self, name: str, unit: str, asked: Callable[[Costs], float]) -> Measure:
        """A number that follows from costs, with the interval in which it lies with 95 %."""
        drawn = sorted(asked(one) for one in self.others) or [asked(self.best)]
        last, value = len(drawn) - 1, asked(self.best)
        return Measure(
            name, value, min(value, drawn[round(0.025 * last)]), max(value, drawn[round(0.975 * last)]), unit
        )


def measures(seen: ClaimRecording) -> Iterable[Measure]:
    """Costs by layer, cores and instances for the rate that is asked for, and how far the predictions are off."""
    model = _model(seen)
    mix = layers.shares(layers.latencies(_labelled(seen, CHECK)))
    if model is None or not mix:
        return
    for layer in LAYERS:
        name = f"{layer.value.replace(' ', '_')}_us"
        yield model.measure(name, "µs", partial(_microseconds, layer))
    for layer, share in mix.items():
        yield Measure.exact(f"share_of_{layer.value.replace(' ', '_')}", share)
    busiest = seen.claim.number_of("busy_at_most")
    cores = dict.fromkeys(OURS, WANTED / busiest)
    yield model.measure("cores", "", lambda one: sum(n * a_request(one, mix, [name]) for name, n in cores.items()))
    yield model.measure("shop_workers", "", lambda one: cores["shop"] * a_request(one, mix, ["shop"]))
    yield model.measure("haproxy_cores", "", lambda one: cores["haproxy"] * a_request(one, mix, ["haproxy"]))
    if (in_flight := _in_flight(seen)) is not None:
        yield Measure.exact("requests_in_flight", in_flight)
    yield from _unexplained(seen, model)
    yield from _predicted(seen, model)


def pictures(seen: ClaimRecording) -> Iterable[Picture]:
    """What a request of each layer costs each program."""
    model = _model(seen)
    if model is not None:
        programs = [*OURS, CLIENT]
        yield Picture(
            title="CPU time of one request, by the layer that answers and by program",
            y="microseconds",
            bars=[
                Bars(layer.value, [1e6 * a_request(model.best, {layer: 1.0}, [name]) for name in programs])
                for layer in LAYERS
            ],
            of_bars=programs,
        )


def runs(seen: ClaimRecording, label: str) -> list[Ran]:
    """Each load with this label, with what it took; one that had failures, or without all of its readings, is none."""
    idle = {one.labels[PROGRAM]: one.value for one in seen.readings(IDLE)}
    found = []
    for load in _labelled(seen, label):
        read = {one.labels[PROGRAM]: one.value for one in seen.readings(CPU, **load.labels)}
        if load.failures or not load.answered or not idle or idle.keys() != read.keys():
            continue
        beyond = {name: (cpu - idle[name] * load.lasted) / load.answered for name, cpu in read.items()}
        beyond[CLIENT] = load.cpu_seconds / load.answered
        found.append(Ran(load.labels[label], layers.shares(layers.latencies([load])), beyond))
    return found


def _microseconds(layer: Layer, model: Costs) -> float:
    return 1e6 * a_request(model, {layer: 1.0}, OURS)


def _model(seen: ClaimRecording) -> Model | None:
    ran = [_parts(one) for one in runs(seen, COST)]
    best = costs(ran)
    return None if best is None else Model(best, resampled(ran))


def _parts(one: Ran) -> Ran:
    """Without the machine as a whole, of which the programs are parts; what else it did is a part of its own."""
    named = {name: cpu for name, cpu in one.cpu.items() if name != MACHINE}
    beside = one.cpu.get(MACHINE, 0.0) - sum(named.values())
    return Ran(one.kind, one.shares, named | {"beside": max(0.0, beside)})


def _unexplained(seen: ClaimRecording, model: Model) -> Iterable[Measure]:
    """What a request of the mix took beyond what the model says of its layers, of our own programs."""
    off = [
        1e6 * (sum(one.cpu[name] for name in OURS) - a_request(model.best, one.shares, OURS))
        for one in runs(seen, CHECK)
    ]
    if (known := interval.of("unexplained_us", off, "µs")) is not None:
        yield known


def _predicted(seen: ClaimRecording, model: Model) -> Iterable[Measure]:
    """The knee that this machine should have, the one that it has, and how far they are apart."""
    measured = knee_seen.knees(seen, KNEE, seen.claim.number_of("carried_within"))
    idle, count = seen.values(IDLE, **{PROGRAM: MACHINE}), seen.values("cores")
    mix = layers.shares(layers.latencies(_at_the_knee(seen)))
    if not measured or not idle or not count or not mix:
        return
    there = seen.claim.number_of("busy_at_the_knee") * count[0] - idle[0]
    yield model.measure("predicted_knee", "/s", lambda one: highest_rate(one, mix, there))
    known = interval.of("knee", measured, "/s")
    if known is not None:
        yield known
        off = model.measure("prediction_off_by", "", lambda one: highest_rate(one, mix, there) / known.value - 1)
        yield _with_the_knees(off, known)


def _with_the_knees(off: Measure, knee: Measure) -> Measure:
    """Wider by how far the measured knee may be off: what the model may be off has nothing to do with it."""
    below, above = ((1 + off.value) * far / knee.value for far in (knee.high - knee.value, knee.value - knee.low))
    low, high = math.hypot(off.value - off.low, below), math.hypot(off.high - off.value, above)
    return msgspec.structs.replace(off, low=off.value - low, high=off.value + high)


def _at_the_knee(seen: ClaimRecording) -> list[LoadSeen]:
    """The steps of the search that were carried: of what mix the knee is."""
    knees = knee_seen.knees(seen, KNEE, seen.claim.number_of("carried_within"))
    if not knees:
        return []
    steps = seen.loads(**{knee_seen.SEARCH: KNEE})
    return [load for load in steps if 0.8 * min(knees) <= knee_seen.step(load).offered <= max(knees)]


def _in_flight(seen: ClaimRecording) -> float | None:
    """Little's law: the rate by how long a request takes."""
    means = [layers.mean(load) for load in _labelled(seen, CHECK)]
    known = [mean for mean in means if mean is not None]
    return WANTED * median(known) if known else None


def _labelled(seen: ClaimRecording, label: str) -> list[LoadSeen]:
    return [load for load in seen.all(LoadSeen) if label in load.labels]
