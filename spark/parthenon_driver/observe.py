"""What can be asked of a session while its code runs: executors, progress, jobs. By py4j, from a thread of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark import SparkContext

_COORDINATOR = "driver"
#: What Spark says of executors that it has sent away; of others it says what has become of them.
_SENT_AWAY = ("Executor killed by driver", "Executor decommission")
_MOST_JOBS = 100
#: Spark tells its status store by a queue, which is a little behind.
_SETTLE_MS = 1_000
_LONGEST_NAME = 256


def executors(context: SparkContext | None) -> list[dict[str, Any]]:
    """The coordinator and, on a cluster, its executors. Times are milliseconds since the epoch."""
    if context is None or context._jsc is None:
        return []
    if context._jsc.sc().isLocal():
        return [_executor(_COORDINATOR, "REGISTERED", context.startTime, None)]
    summaries = context._jsc.sc().statusStore().executorList(False)
    found = []
    for position in range(summaries.size()):
        summary = summaries.apply(position)
        state = "REGISTERED" if summary.isActive() else _last_state(summary.removeReason())
        found.append(_executor(summary.id(), state, summary.addTime().getTime(), _millis(summary.removeTime())))
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


def jobs(context: SparkContext | None, since: float, until: float) -> list[dict[str, Any]]:
    """The newest jobs that were submitted between the two. Times are milliseconds since the epoch."""
    if context is None or context._jsc is None:
        return []
    scala_context = context._jsc.sc()
    try:
        scala_context.listenerBus().waitUntilEmpty(_SETTLE_MS)
    except Exception:
        pass  # told as far as it is known
    store, found = scala_context.statusStore(), []
    newest = scala_context.dagScheduler().numTotalJobs() - 1
    for job_id in range(newest, max(-1, newest - _MOST_JOBS), -1):
        try:
            job = store.job(job_id)
        except Exception:
            continue  # Spark keeps only so many
        submitted = _millis(job.submissionTime())
        if submitted is None or submitted > until:
            continue
        if submitted < since:
            break
        group = job.jobGroup()
        found.append(
            {
                "job_id": job_id,
                "name": job.name()[:_LONGEST_NAME],
                "status": job.status().toString(),
                "submitted_at": submitted,
                "ended_at": _millis(job.completionTime()),
                "group": group.get()[:_LONGEST_NAME] if group.isDefined() else None,
                "stages": job.stageIds().size(),
                "tasks": job.numTasks(),
            }
        )
    return found


def _millis(date: Any) -> int | None:
    """A Scala Option of a Java Date."""
    return date.get().getTime() if date.isDefined() else None


def working(context: SparkContext | None) -> bool:
    """Whether anything runs in the session though no calculation does: Spark jobs, streaming queries."""
    if context is None or context._jsc is None:
        return False
    if context.statusTracker().getActiveJobsIds():
        return True
    session = context._jvm.SparkSession.getDefaultSession()
    return session.isDefined() and not session.get().sharedState().activeStreamingQueries().isEmpty()


def _last_state(reason: Any) -> str:
    """Of an executor that is no more. The reason is a Scala Option of what Spark says."""
    return "TERMINATED" if reason.isDefined() and reason.get().startswith(_SENT_AWAY) else "FAILED"


def _executor(executor_id: str, state: str, started: int, ended: int | None) -> dict[str, Any]:
    return {
        "executor_id": executor_id,
        "type": "COORDINATOR" if executor_id == _COORDINATOR else "WORKER",
        "state": state,
        "started_at": started,
        "ended_at": ended,
    }
