"""Code that several tests of deskcloud share. The tests of projects that use deskcloud can use this code too."""
