"""A local Cloud Scheduler: publish to topics at the times of cron expressions."""

from deskcloud.scheduler.cron import CronError
from deskcloud.scheduler.runner import Schedule, ScheduleError, Scheduler, run

__all__ = ["CronError", "Schedule", "ScheduleError", "Scheduler", "run"]
