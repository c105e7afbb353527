"""What a ledger costs on a target: tables, pages, figures, sweeps."""
