"""What a clip costs, as the API tells it: predicted before, and what it really took after."""

from pydantic import BaseModel

from serve.jobs.job import Job

GPU_DIGITS = 3
PRICE_DIGITS = 6


class Cost(BaseModel):
    """GPU-seconds and money. `gpu_s` and `price` are null until the job has ended."""

    currency: str
    estimated_gpu_s: float
    estimated_price: float
    gpu_s: float | None
    price: float | None


def cost_of(job: Job, currency: str) -> Cost:
    """The cost of a job at the price that its account was told when it was taken."""
    price = job.price
    return Cost(
        currency=currency,
        estimated_gpu_s=round(job.predicted_gpu_s, GPU_DIGITS),
        estimated_price=round(job.estimated_price, PRICE_DIGITS),
        gpu_s=round(job.timings.gpu_s, GPU_DIGITS) if job.ended else None,
        price=None if price is None else round(price, PRICE_DIGITS),
    )
