"""Cloud Scheduler: publishes to topics at the times that cron expressions name."""

from local.scheduler.cron import CronError
from local.scheduler.runner import Schedule, ScheduleError, Scheduler, run

__all__ = ["CronError", "Schedule", "ScheduleError", "Scheduler", "run"]
