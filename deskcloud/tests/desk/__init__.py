"""What the tests of deskcloud share; those of a project that uses it may too."""
