"""How data is shaped: dbt models, built on the branch."""
