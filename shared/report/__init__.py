"""The report of a run: one self-contained HTML page in the run's folder, which functions/write_report.py writes."""
