"""Shared code of deskcloud's tests, also for the tests of projects that use deskcloud."""
