"""Publish messages at the times of cron expressions, as Cloud Scheduler does."""

from deskcloud.scheduler.cron import CronError
from deskcloud.scheduler.runner import Schedule, ScheduleError, Scheduler, run

__all__ = ["CronError", "Schedule", "ScheduleError", "Scheduler", "run"]
