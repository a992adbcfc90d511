"""What can be asked of a session while its code runs: executors and progress. By py4j, from a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark import SparkContext

_COORDINATOR = "driver"


def executors(context: SparkContext | None) -> list[dict[str, Any]]:
    """The coordinator and, on a cluster, its executors. Times are milliseconds since the epoch."""
    if context is None or context._jsc is None:
        return []
    if context._jsc.sc().isLocal():
        return [_executor(_COORDINATOR, True, context.startTime, None)]
    summaries = context._jsc.sc().statusStore().executorList(False)
    found = []
    for position in range(summaries.size()):
        summary = summaries.apply(position)
        removed = summary.removeTime()
        found.append(
            _executor(
                summary.id(),
                summary.isActive(),
                summary.addTime().getTime(),
                removed.get().getTime() if removed.isDefined() else None,
            )
        )
    return found


def progress(context: SparkContext | None) -> float | None:
    """Tasks done of the active jobs, 0 to 100; None when no job runs."""
    if context is None or context._jsc is None:
        return None
    tracker = context.statusTracker()
    total = completed = 0
    for job_id in tracker.getActiveJobsIds():
        job = tracker.getJobInfo(job_id)
        for stage_id in job.stageIds if job else ():
            stage = tracker.getStageInfo(stage_id)
            if stage:
                total += stage.numTasks
                completed += stage.numCompletedTasks
    return 100 * completed / total if total else None


def _executor(executor_id: str, active: bool, started: int, ended: int | None) -> dict[str, Any]:
    return {
        "executor_id": executor_id,
        "type": "COORDINATOR" if executor_id == _COORDINATOR else "WORKER",
        "state": "REGISTERED" if active else "TERMINATED",
        "started_at": started,
        "ended_at": ended,
    }
