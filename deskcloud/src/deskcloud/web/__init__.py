"""How every port is served: by whom it may be asked, how long it waits, and what its answers are."""
