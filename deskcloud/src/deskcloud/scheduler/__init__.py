"""Cloud Scheduler: publishes to topics at the times that cron expressions name."""

from deskcloud.scheduler.cron import CronError
from deskcloud.scheduler.runner import Schedule, ScheduleError, Scheduler, run

__all__ = ["CronError", "Schedule", "ScheduleError", "Scheduler", "run"]
