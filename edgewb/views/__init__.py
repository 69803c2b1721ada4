"""What people see of results: tables, figures, the report. No numbers are made here."""
