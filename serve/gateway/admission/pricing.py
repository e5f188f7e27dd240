"""What a request would become: its values decided, checked against all limits, and priced.

Nothing is fetched, stored or asked of anybody: this comes before the gate.
"""

import secrets
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from pipelines.cost import Calibration, StageCosts
from pipelines.spec import ClipRequest, ClipSpec, SpecError, resolve
from serve.accounts.account import Principal
from serve.accounts.limits import limits_of
from serve.gateway.admission.terms import check_clip, check_model, within
from serve.gateway.errors import ApiError
from serve.gateway.lighter import lighter_specs
from serve.gateway.parts import GatewayParts, ServedModel
from serve.gateway.requests.bodies import VideoRequest
from serve.jobs.job import Job, Status
from serve.messages import least_device_bytes
from serve.settings.accounts import Limits

FRESH_SEEDS: Final = 2**31
"""Seeds made here fit into every client's numbers; larger ones may be sent."""
MOST_PRICES: Final = 4_096
_Kind = tuple[object, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A job that could be stored, and what it came from."""

    request: VideoRequest
    model: ServedModel
    limits: Limits
    job: Job
    costs: StageCosts
    """As experience has them; the job has their sum."""

    @property
    def standalone_s(self) -> float:
        """Seconds that it takes on an idle gang of standard size, which shares the denoising."""
        costs = self.costs
        return costs.encode_s + costs.denoise_s / self.model.standard_devices + costs.decode_s


class Pricing:
    """Remembers what clips of one kind cost: most requests differ in their words only."""

    def __init__(self, parts: GatewayParts) -> None:
        self._parts = parts
        self._calibration = Calibration()
        self._known: OrderedDict[_Kind, StageCosts] = OrderedDict()

    def priced(self, caller: Principal, request: VideoRequest) -> Asked:
        """The job that a request would become. Raises `ApiError` or `SpecError`."""
        limits = limits_of(caller.account, self._parts.rules.limits)
        model = self._model(request.model, limits)
        fresh_seed = secrets.randbelow(FRESH_SEEDS)
        spec = resolve(request.clip, within(model.limits, limits), fresh_seed=fresh_seed)
        costs = self._costs(model, spec)
        now = self._parts.now()
        job = Job(
            id=f"video_{int(now * 1_000):012x}{secrets.token_hex(10)}",
            account_id=caller.account_id,
            tier=caller.tier,
            model=model.name,
            spec=spec,
            status=Status.QUEUED,
            created_at=now,
            predicted_gpu_s=costs.total_s,
            price_per_gpu_s=model.price_per_gpu_s * limits.price_multiplier,
            jobs_at_once=limits.jobs_at_once,
        )
        check_clip(job, limits)
        return Asked(request=request, model=model, limits=limits, job=job, costs=costs)

    def lighter(self, asked: Asked) -> tuple[Asked, ...]:
        """What it could be instead, the dearest first: as near to what was asked as can be."""
        found = []
        for spec in lighter_specs(asked.job.spec, asked.model.limits):
            try:
                costs = self._costs(asked.model, spec)
            except SpecError:
                continue
            job = replace(asked.job, spec=spec, predicted_gpu_s=costs.total_s)
            found.append(replace(asked, job=job, costs=costs))
        return tuple(sorted(found, key=lambda each: -each.job.predicted_gpu_s))

    def usual_gpu_s(self, asked: Asked) -> float:
        """Of the clip that its model makes of a request that is nothing but a prompt."""
        clip = ClipRequest(prompt="a clip", has_image=asked.job.spec.has_image)
        try:
            spec = resolve(clip, asked.model.limits, fresh_seed=0)
            return self._costs(asked.model, spec).total_s
        except SpecError:
            return asked.job.predicted_gpu_s

    def _model(self, name: str | None, limits: Limits) -> ServedModel:
        """The model of this name; without one the first that the account may use."""
        models = self._parts.models
        if name is None:
            open_to_it = [m for m in models if limits.models is None or m.name in limits.models]
            name = (open_to_it or models)[0].name
        for model in models:
            if model.name == name:
                check_model(name, limits)
                return model
        names = ", ".join(model.name for model in models)
        message = f"There is no model `{name[:64]}` here; there is {names}."
        raise ApiError(400, "model_not_found", message, param="model")

    def _costs(self, model: ServedModel, spec: ClipSpec) -> StageCosts:
        """As experience has it; what the Scheduler has said counts also while it is away.

        Raises `SpecError` for a clip that no device has room for.
        """
        snapshot = self._parts.link.snapshot()
        if snapshot:
            self._calibration = snapshot.calibration
        gang_bytes = least_device_bytes(model.name, snapshot.gangs if snapshot else ())
        return self._calibration.corrected(model.name, self._plain(model, spec, gang_bytes))

    def _plain(
        self, model: ServedModel, spec: ClipSpec, gang_bytes: Mapping[str, int]
    ) -> StageCosts:
        kind = _kind_of(model.name, spec, gang_bytes)
        costs = self._known.get(kind)
        if costs is None:
            model.check_fits(spec, gang_bytes)
            costs = self._known[kind] = model.costs(spec)
            if len(self._known) > MOST_PRICES:
                self._known.popitem(last=False)
        return costs


def _kind_of(model: str, spec: ClipSpec, gang_bytes: Mapping[str, int]) -> _Kind:
    """All that a cost and a fit depend on: neither words nor seed."""
    size = (spec.width, spec.height, spec.num_frames, spec.fps, spec.steps)
    rest = (spec.guidance_scale, spec.sound, spec.has_image)
    return model, size, rest, tuple(sorted(gang_bytes.items()))
